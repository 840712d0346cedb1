variable "project_id" {
  type        = string
  description = "The project that owns the subscription."
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project_id))
    error_message = "project_id must be a project's id: 6 to 30 of a-z 0-9 and -, beginning with a letter."
  }
}

variable "name" {
  type        = string
  description = "The subscription's name: that of the function it pushes to."
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9_]{2,24}[a-z0-9]$", var.name))
    error_message = "A subscription is called like its function: 4 to 26 of a-z 0-9 and _, beginning with a letter."
  }
}

variable "topic" {
  type        = string
  description = "Name of the topic, which exists already."
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9_.-]{2,254}$", var.topic)) && !endswith(var.topic, ".dead")
    error_message = "topic must be the name of a topic that functions publish on, not a path and not a dead letter."
  }
}

variable "row" {
  description = "Deadline and retries: trigger.subscription of the function's row in terraform/functions.json."
  nullable    = false
  type = object({
    ack_deadline_s        = number
    min_backoff_s         = number
    max_backoff_s         = number
    max_delivery_attempts = number
  })

  validation {
    condition     = var.row.ack_deadline_s >= 10 && var.row.ack_deadline_s <= 600
    error_message = "subscription ${var.name}: ack_deadline_s must be 10 to 600, Pub/Sub's own limits."
  }

  validation {
    condition     = var.row.min_backoff_s >= 1 && var.row.min_backoff_s <= var.row.max_backoff_s && var.row.max_backoff_s <= 600
    error_message = "subscription ${var.name}: back-off must be 1 ≤ min_backoff_s ≤ max_backoff_s ≤ 600."
  }

  validation {
    condition     = var.row.max_delivery_attempts >= 5 && var.row.max_delivery_attempts <= 100
    error_message = "subscription ${var.name}: max_delivery_attempts must be 5 to 100, Pub/Sub's own limits."
  }
}

variable "push_endpoint" {
  type        = string
  description = "Address that receives each message as a POST."
  nullable    = false

  validation {
    condition     = can(regex("^(https://|http://127\\.0\\.0\\.1:)", var.push_endpoint))
    error_message = "push_endpoint must be https://…; plain http only reaches a function on this machine (http://127.0.0.1:…)."
  }
}

variable "identity" {
  description = "As whom Pub/Sub calls; null only on emulators, which send no token."
  default     = null
  type = object({
    service_account = string
    audience        = string
  })

  validation {
    condition     = var.identity != null || startswith(var.push_endpoint, "http://127.0.0.1:")
    error_message = "subscription ${var.name}: identity may only be left out for a function on this machine: a push without a token is refused by Cloud Run."
  }
}

variable "service_agent" {
  type        = string
  description = "Pub/Sub's service agent as an IAM member; null only on emulators, which have no IAM."
  default     = null

  validation {
    condition     = var.service_agent == null ? true : can(regex("^serviceAccount:service-[0-9]+@gcp-sa-pubsub\\.iam\\.gserviceaccount\\.com$", var.service_agent))
    error_message = "service_agent must be serviceAccount:service-<project number>@gcp-sa-pubsub.iam.gserviceaccount.com, or null."
  }
}

variable "retention_days" {
  type        = number
  description = "Days for which both subscriptions keep a message that nobody acknowledged."
  nullable    = false
  default     = 14

  validation {
    condition     = var.retention_days >= 1 && var.retention_days <= 31 && floor(var.retention_days) == var.retention_days
    error_message = "subscription ${var.name}: retention_days must be a whole number from 1 to 31, Pub/Sub's own limit."
  }
}

variable "protected" {
  type        = bool
  description = "Whether a plan that would remove the subscription, and with it what waits there, fails."
  nullable    = false
  default     = true
}

variable "labels" {
  type        = map(string)
  description = "Labels of the subscriptions and of the dead letter."
  nullable    = false
  default     = {}

  validation {
    condition     = alltrue([for key, value in var.labels : can(regex("^[a-z][a-z0-9_-]{0,62}$", key)) && can(regex("^[a-z0-9_-]{0,63}$", value))])
    error_message = "Label keys and values hold at most 63 of a-z 0-9 _ and -, keys begin with a letter."
  }
}
