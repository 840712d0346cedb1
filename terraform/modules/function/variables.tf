variable "project_id" {
  type        = string
  description = "The project that owns the function."
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project_id))
    error_message = "project_id must be a project's id: 6 to 30 of a-z 0-9 and -, beginning with a letter."
  }
}

variable "project_number" {
  type        = string
  description = "The project's number: the address of Pub/Sub's service agent is made of it."
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]{6,20}$", var.project_number))
    error_message = "project_number must be the project's number in digits (gcloud projects describe ID --format='value(projectNumber)')."
  }
}

variable "region" {
  type        = string
  description = "Region of the Cloud Run service."
  nullable    = false
  default     = "asia-south1"

  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]{1,2}$", var.region))
    error_message = "region must be a Google Cloud region in small letters, as asia-south1."
  }
}

variable "name" {
  type        = string
  description = "The function's name in terraform/functions.json: also its folder, its target and its subscription."
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9_]{2,20}[a-z0-9]$", var.name))
    error_message = "A function's name must be 4 to 22 of a-z 0-9 and _, beginning with a letter: its two service accounts are called qs-<name> and qs-<name>-push and have at most 30 characters."
  }
}

variable "image" {
  type        = string
  description = "The container image, by digest."
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9.-]+(/[a-z0-9._-]+)+@sha256:[0-9a-f]{64}$", var.image))
    error_message = "image must be …@sha256:<64 hex digits>: a tag can be moved, a digest cannot, and the digest that was tested is the one that is deployed."
  }
}

variable "row" {
  description = "The function's row in terraform/functions.json."
  nullable    = false
  type = object({
    description = string
    trigger = object({
      kind      = string
      topic     = optional(string)
      ingress   = optional(string, "internal")
      invokers  = optional(string)
      schedule  = optional(string)
      time_zone = optional(string)
      subscription = optional(object({
        ack_deadline_s        = number
        min_backoff_s         = number
        max_backoff_s         = number
        max_delivery_attempts = number
      }))
    })
    memory_mb     = number
    cpu           = number
    timeout_s     = number
    concurrency   = number
    threads       = number
    min_instances = number
    max_instances = number
    permissions = object({
      secrets               = list(string)
      secret_versions_added = optional(list(string), [])
    })
  })

  validation {
    condition     = contains(["pubsub", "http"], var.row.trigger.kind)
    error_message = "functions.${var.name}: trigger.kind must be pubsub or http."
  }

  validation {
    condition     = var.row.trigger.kind != "pubsub" || (var.row.trigger.topic != null && var.row.trigger.subscription != null)
    error_message = "functions.${var.name}: a pubsub trigger needs topic and subscription; without one it would have no retries and no dead letter."
  }

  validation {
    condition     = var.row.trigger.kind != "http" || contains(["public_with_secret", "operators", "deployer", "callback"], coalesce(var.row.trigger.invokers, "nobody"))
    error_message = "functions.${var.name}: an http trigger names its invokers: public_with_secret, operators, deployer or callback."
  }

  validation {
    condition     = contains(["all", "internal"], var.row.trigger.ingress) && (var.row.trigger.kind == "http" || var.row.trigger.ingress == "internal")
    error_message = "functions.${var.name}: ingress must be all or internal, and only a named HTTP function may take all."
  }

  validation {
    condition     = var.row.concurrency >= 1 && var.row.concurrency <= var.row.threads
    error_message = "functions.${var.name}: concurrency must be 1 to threads (${var.row.threads}): what Cloud Run sends beyond the threads would wait inside the instance and time out there."
  }

  validation {
    condition     = var.row.timeout_s >= 1 && var.row.timeout_s <= 3600
    error_message = "functions.${var.name}: timeout_s must be 1 to 3600, Cloud Run's own limit."
  }

  validation {
    condition     = try(var.row.trigger.subscription.ack_deadline_s >= var.row.timeout_s + 5, true)
    error_message = "functions.${var.name}: ack_deadline_s must be at least timeout_s + 5: otherwise Pub/Sub delivers again while the function still works."
  }

  validation {
    condition     = try(var.row.trigger.subscription.ack_deadline_s >= 10 && var.row.trigger.subscription.ack_deadline_s <= 600, true)
    error_message = "functions.${var.name}: ack_deadline_s must be 10 to 600, Pub/Sub's own limits."
  }

  validation {
    condition     = try(var.row.trigger.subscription.min_backoff_s >= 1 && var.row.trigger.subscription.min_backoff_s <= var.row.trigger.subscription.max_backoff_s && var.row.trigger.subscription.max_backoff_s <= 600, true)
    error_message = "functions.${var.name}: back-off must be 1 ≤ min_backoff_s ≤ max_backoff_s ≤ 600."
  }

  validation {
    condition     = try(var.row.trigger.subscription.max_delivery_attempts >= 5 && var.row.trigger.subscription.max_delivery_attempts <= 100, true)
    error_message = "functions.${var.name}: max_delivery_attempts must be 5 to 100, Pub/Sub's own limits."
  }

  validation {
    condition     = contains([1, 2, 4, 8], var.row.cpu)
    error_message = "functions.${var.name}: cpu must be 1, 2, 4 or 8."
  }

  validation {
    condition     = var.row.memory_mb >= lookup({ 4 = 2048, 8 = 4096 }, var.row.cpu, 256) && var.row.memory_mb <= var.row.cpu * 4096
    error_message = "functions.${var.name}: memory_mb must be at least 256 (2048 with 4 CPU, 4096 with 8) and at most 4096 for each CPU."
  }

  validation {
    condition     = var.row.min_instances >= 0 && var.row.min_instances <= var.row.max_instances && var.row.max_instances >= 1
    error_message = "functions.${var.name}: min_instances must be 0 to max_instances, and max_instances at least 1."
  }

  validation {
    condition     = alltrue([for secret in concat(var.row.permissions.secrets, var.row.permissions.secret_versions_added) : can(regex("^[a-z][a-z0-9-]{2,62}$", secret))])
    error_message = "functions.${var.name}: a secret's id must be 3 to 63 of a-z 0-9 and -."
  }
}

variable "topic" {
  type        = string
  description = "Name of the topic that pushes, as the topic module says it (so that it exists first); null for an HTTP function."
  default     = null

  validation {
    condition     = var.topic == (var.row.trigger.kind == "pubsub" ? var.row.trigger.topic : null)
    error_message = "topic must be the one that the trigger of functions.${var.name} names."
  }
}

variable "publishes" {
  type        = map(string)
  description = "Topics that it may publish on: the name in the map to the name that the topic module says (so that it exists first)."
  nullable    = false
  default     = {}

  validation {
    condition     = alltrue([for name in keys(var.publishes) : !endswith(name, ".dead")])
    error_message = "functions.${var.name}: only Pub/Sub itself publishes on a dead letter."
  }
}

variable "env" {
  type        = map(string)
  description = "Environment variables. No secret: those are files."
  nullable    = false
  default     = {}

  validation {
    condition     = alltrue([for name in keys(var.env) : endswith(name, "_FILE") || !can(regex("TOKEN|SECRET|PASSWORD|PRIVATE|CREDENTIAL|(^|_)KEY($|_)", name))])
    error_message = "A secret never stands in an environment variable: give QS_<SETTING>_FILE with the path of the mounted secret."
  }

  validation {
    condition     = alltrue([for name in keys(var.env) : can(regex("^[A-Z][A-Z0-9_]*$", name)) && !contains(["PORT", "THREADS", "FUNCTION_TARGET", "FUNCTION_SOURCE", "K_SERVICE", "K_REVISION", "K_CONFIGURATION"], name)])
    error_message = "Names in env are A-Z 0-9 _; PORT, THREADS, FUNCTION_TARGET, FUNCTION_SOURCE and K_… are set by this module or by Cloud Run."
  }
}

variable "secrets" {
  type        = map(string)
  description = "Secrets that are mounted: id to folder; each value is the file `value` in its folder."
  nullable    = false
  default     = {}

  validation {
    condition     = alltrue([for path in values(var.secrets) : can(regex("^/secrets/[a-z][a-z0-9-]{2,62}$", path))])
    error_message = "A secret is mounted at /secrets/<secret id>."
  }

  validation {
    condition     = toset(keys(var.secrets)) == toset(var.row.permissions.secrets)
    error_message = "The mounted secrets must be exactly the ones that permissions.secrets of functions.${var.name} grants."
  }
}

variable "labels" {
  type        = map(string)
  description = "Labels of everything that takes labels; `part` is added."
  nullable    = false
  default     = {}

  validation {
    condition     = alltrue([for key, value in var.labels : can(regex("^[a-z][a-z0-9_-]{0,62}$", key)) && can(regex("^[a-z0-9_-]{0,63}$", value))])
    error_message = "Label keys and values hold at most 63 of a-z 0-9 _ and -, keys begin with a letter."
  }
}

variable "invokers" {
  type        = map(string)
  description = "Members that may call an HTTP function whose invokers are operators or the deployer, by a static name."
  nullable    = false
  default     = {}

  validation {
    condition     = alltrue([for member in values(var.invokers) : can(regex("^(serviceAccount|user|group|principal|principalSet):.+", member))])
    error_message = "Invokers are serviceAccount:, user:, group: or principal(Set): members, never allUsers or allAuthenticatedUsers."
  }

  validation {
    condition     = length(var.invokers) == 0 || contains(["operators", "deployer"], coalesce(var.row.trigger.invokers, "nobody"))
    error_message = "functions.${var.name}: only a function whose invokers are operators or deployer takes members; Pub/Sub has an account of its own."
  }
}

variable "network" {
  type        = object({ network = string, subnetwork = string })
  description = "Sends all egress through this subnetwork (static address); null for Cloud Run's own."
  default     = null
}

variable "protected" {
  type        = bool
  description = "Whether Terraform refuses to remove the service and its subscriptions."
  nullable    = false
  default     = true
}

variable "traffic" {
  type        = map(number)
  description = "Percent by revision, LATEST for the newest one; empty sends everything to the newest."
  nullable    = false
  default     = {}

  validation {
    condition     = length(var.traffic) == 0 || sum(concat([0], values(var.traffic))) == 100
    error_message = "traffic of functions.${var.name} must add up to 100 percent."
  }

  validation {
    condition     = alltrue([for percent in values(var.traffic) : percent >= 0 && percent <= 100 && floor(percent) == percent])
    error_message = "traffic of functions.${var.name} is in whole percent, 0 to 100."
  }

  validation {
    condition     = alltrue([for revision in keys(var.traffic) : revision == "LATEST" || startswith(revision, "qs-${replace(var.name, "_", "-")}-")])
    error_message = "traffic of functions.${var.name} names its own revisions (qs-${replace(var.name, "_", "-")}-…) or LATEST."
  }
}

variable "alert_channels" {
  type        = list(string)
  description = "Notification channels of the alerts, by their full names."
  nullable    = false
  default     = []
}

variable "oldest_unacked_s" {
  type        = number
  description = "Age of the oldest unacknowledged message at which somebody is told."
  nullable    = false
  default     = 300

  validation {
    condition     = var.oldest_unacked_s >= 60 && var.oldest_unacked_s <= 86400
    error_message = "oldest_unacked_s must be 60 to 86400."
  }
}
