variable "project_id" {
  type        = string
  description = "The project that owns the function."
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project_id))
    error_message = "project_id must be a project's id: 6 to 30 of a-z 0-9 and -, beginning with a letter."
  }
}

variable "region" {
  type        = string
  description = "Region of the Cloud Run job."
  nullable    = false
  default     = "asia-south1"

  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]{1,2}$", var.region))
    error_message = "region must be a Google Cloud region in small letters, as asia-south1."
  }
}

variable "name" {
  type        = string
  description = "The job's name in terraform/functions.json."
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9_]{2,20}[a-z0-9]$", var.name))
    error_message = "A job's name must be 4 to 22 of a-z 0-9 and _, beginning with a letter: its two service accounts are called qs-<name> and qs-<name>-beat and have at most 30 characters."
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
  description = "The job's row in terraform/functions.json."
  nullable    = false
  type = object({
    description = string
    command     = list(string)
    schedule    = string
    time_zone   = string
    memory_mb   = number
    cpu         = number
    timeout_s   = number
    permissions = object({
      secrets               = list(string)
      secret_versions_added = optional(list(string), [])
    })
  })

  validation {
    condition     = length(var.row.command) >= 1
    error_message = "jobs.${var.name}: command must name the program."
  }

  validation {
    condition     = var.row.timeout_s >= 1 && var.row.timeout_s <= 86400
    error_message = "jobs.${var.name}: timeout_s must be 1 to 86400 (a day)."
  }

  validation {
    condition     = contains([1, 2, 4, 8], var.row.cpu)
    error_message = "jobs.${var.name}: cpu must be 1, 2, 4 or 8."
  }

  validation {
    condition     = var.row.memory_mb >= lookup({ 4 = 2048, 8 = 4096 }, var.row.cpu, 512) && var.row.memory_mb <= var.row.cpu * 4096
    error_message = "jobs.${var.name}: memory_mb must be at least 512 (2048 with 4 CPU, 4096 with 8) and at most 4096 for each CPU."
  }

  validation {
    condition     = alltrue([for secret in concat(var.row.permissions.secrets, var.row.permissions.secret_versions_added) : can(regex("^[a-z][a-z0-9-]{2,62}$", secret))])
    error_message = "jobs.${var.name}: a secret's id must be 3 to 63 of a-z 0-9 and -."
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
    condition     = alltrue([for name in keys(var.env) : can(regex("^[A-Z][A-Z0-9_]*$", name)) && !contains(["CLOUD_RUN_JOB", "CLOUD_RUN_EXECUTION", "CLOUD_RUN_TASK_INDEX", "CLOUD_RUN_TASK_ATTEMPT", "CLOUD_RUN_TASK_COUNT"], name)])
    error_message = "Names in env are A-Z 0-9 _; CLOUD_RUN_… is set by Cloud Run."
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
    error_message = "The mounted secrets must be exactly the ones that permissions.secrets of jobs.${var.name} grants."
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

variable "network" {
  type        = object({ network = string, subnetwork = string })
  description = "Sends all egress through this subnetwork (static address); null for Cloud Run's own."
  default     = null
}

variable "protected" {
  type        = bool
  description = "Whether Terraform refuses to remove the job."
  nullable    = false
  default     = true
}

variable "alert_channels" {
  type        = list(string)
  description = "Notification channels of the alerts, by their full names."
  nullable    = false
  default     = []
}

variable "paused" {
  type        = bool
  description = "Whether its schedule does not beat for now."
  nullable    = false
  default     = false
}
