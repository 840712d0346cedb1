variable "project_id" {
  type        = string
  description = "The project that owns the topic."
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project_id))
    error_message = "project_id must be a project's id: 6 to 30 of a-z 0-9 and -, beginning with a letter."
  }
}

variable "name" {
  type        = string
  description = "The topic's name, as the code publishes it."
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9_.-]{2,254}$", var.name)) && !startswith(var.name, "goog")
    error_message = "A topic's name must be 3 to 255 of a-z 0-9 _ . and -, begin with a letter and not with goog."
  }

  validation {
    condition     = !endswith(var.name, ".dead")
    error_message = "A dead-letter topic (….dead) belongs to its function, which makes it together with its subscription."
  }
}

variable "retention_s" {
  type        = number
  description = "Seconds for which the topic keeps what was published, so that a subscription can go back in time; null for not at all."
  default     = null

  validation {
    condition     = var.retention_s == null ? true : var.retention_s >= 600 && var.retention_s <= 2678400 && floor(var.retention_s) == var.retention_s
    error_message = "retention_s must be a whole number from 600 to 2678400 (31 days), Pub/Sub's own limits, or null."
  }
}

variable "labels" {
  type        = map(string)
  description = "Labels of the topic; `part` is added."
  nullable    = false
  default     = {}

  validation {
    condition     = alltrue([for key, value in var.labels : can(regex("^[a-z][a-z0-9_-]{0,62}$", key)) && can(regex("^[a-z0-9_-]{0,63}$", value))])
    error_message = "Label keys and values hold at most 63 of a-z 0-9 _ and -, keys begin with a letter."
  }
}
