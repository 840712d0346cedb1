variable "map" {
  description = "terraform/functions.json: what is deployed."
  nullable    = false
  type = object({
    functions = map(object({
      description = string
      image       = string
      trigger = object({
        kind      = string
        topic     = optional(string)
        schedule  = optional(string)
        time_zone = optional(string)
        ingress   = optional(string, "internal")
        invokers  = optional(string)
        subscription = optional(object({
          ack_deadline_s        = number
          min_backoff_s         = number
          max_backoff_s         = number
          max_delivery_attempts = number
        }))
      })
      publishes     = list(string)
      memory_mb     = number
      cpu           = number
      timeout_s     = number
      concurrency   = number
      threads       = number
      min_instances = number
      max_instances = number
      permissions = object({
        documents             = string
        objects               = map(string)
        secrets               = list(string)
        secret_versions_added = optional(list(string), [])
      })
    }))
    jobs = map(object({
      description = string
      image       = string
      command     = list(string)
      schedule    = string
      time_zone   = string
      memory_mb   = number
      cpu         = number
      timeout_s   = number
      permissions = object({
        documents             = string
        objects               = map(string)
        secrets               = list(string)
        secret_versions_added = optional(list(string), [])
      })
    }))
    buckets = map(object({
      description              = string
      soft_delete_days         = number
      noncurrent_versions_days = number
      nearline_after_days      = optional(number)
      retention_days           = optional(number)
      retention_locked_in_prod = optional(bool, false)
    }))
    secrets = map(object({
      description = string
      setting     = string
    }))
  })

  validation {
    condition     = length(setintersection(keys(var.map.functions), keys(var.map.jobs))) == 0
    error_message = "A function and a job share the name, and so the service account, of ${join(", ", setintersection(keys(var.map.functions), keys(var.map.jobs)))}: each has its own."
  }

  validation {
    condition     = alltrue([for row in values(var.map.functions) : row.image == "serve"]) && alltrue([for row in values(var.map.jobs) : contains(["serve", "batch"], row.image)])
    error_message = "image must be serve for a function, and serve or batch for a job."
  }

  validation {
    condition     = length(distinct([for row in values(var.map.functions) : row.trigger.topic if row.trigger.kind == "pubsub"])) == length([for row in values(var.map.functions) : row if row.trigger.kind == "pubsub"])
    error_message = "A topic has one reader: two functions of the map name the same trigger.topic."
  }

  validation {
    condition     = length(setsubtract(flatten(values(var.map.functions)[*].publishes), [for row in values(var.map.functions) : row.trigger.topic if row.trigger.kind == "pubsub"])) == 0
    error_message = "A topic that nobody listens to is published: ${join(", ", setsubtract(flatten(values(var.map.functions)[*].publishes), [for row in values(var.map.functions) : coalesce(row.trigger.topic, "-")]))}."
  }

  validation {
    condition     = alltrue([for row in values(var.map.functions) : (row.trigger.schedule == null) == (row.trigger.time_zone == null) && (row.trigger.schedule == null || row.trigger.kind == "pubsub")])
    error_message = "A schedule beats on the topic of a pubsub trigger, and schedule and time_zone come together."
  }

  validation {
    condition     = length(setsubtract(flatten([for row in concat(values(var.map.functions), values(var.map.jobs)) : concat(row.permissions.secrets, row.permissions.secret_versions_added)]), keys(var.map.secrets))) == 0
    error_message = "A permission names a secret that is not among the map's secrets (${join(", ", keys(var.map.secrets))})."
  }

  validation {
    condition     = length(setsubtract(flatten([for row in concat(values(var.map.functions), values(var.map.jobs)) : keys(row.permissions.objects)]), keys(var.map.buckets))) == 0
    error_message = "A permission names a bucket that is not among the map's buckets (${join(", ", keys(var.map.buckets))})."
  }

  validation {
    condition     = alltrue(flatten([for row in concat(values(var.map.functions), values(var.map.jobs)) : [for right in values(row.permissions.objects) : contains(["read", "create", "write"], right)]]))
    error_message = "permissions.objects gives read, create or write."
  }

  validation {
    condition     = alltrue([for row in concat(values(var.map.functions), values(var.map.jobs)) : contains(["none", "read", "write"], row.permissions.documents)])
    error_message = "permissions.documents must be none, read or write."
  }
}
