variable "project_id" {
  type        = string
  description = "The project that owns the schedule."
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project_id))
    error_message = "project_id must be a project's id: 6 to 30 of a-z 0-9 and -, beginning with a letter."
  }
}

variable "region" {
  type        = string
  description = "Region of Cloud Scheduler."
  nullable    = false
  default     = "asia-south1"

  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]{1,2}$", var.region))
    error_message = "region must be a Google Cloud region in small letters, as asia-south1."
  }
}

variable "name" {
  type        = string
  description = "What the schedule beats for: a function's or a job's name in terraform/functions.json."
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9_]{2,30}$", var.name))
    error_message = "A schedule is called like its function or job: 3 to 31 of a-z 0-9 and _, beginning with a letter."
  }
}

variable "cron" {
  type        = string
  description = "When it beats: five fields (minute, hour, day, month, weekday)."
  nullable    = false

  validation {
    condition     = can(regex("^([0-9*/,-]+ ){4}[0-9*/,-]+$", var.cron))
    error_message = "cron of schedule ${var.name} must have five fields of digits * / , and -, separated by one space; Cloud Scheduler's finest grain is a minute."
  }
}

variable "time_zone" {
  type        = string
  description = "Where the cron is read: the exchange's zone."
  nullable    = false
  default     = "Asia/Kolkata"

  validation {
    condition     = var.time_zone == "Asia/Kolkata"
    error_message = "time_zone of schedule ${var.name} must be Asia/Kolkata: sessions, expiries and evenings are Indian."
  }
}

variable "topic" {
  type        = string
  description = "Name of the topic on which it publishes; null when it starts a job."
  default     = null

  validation {
    condition     = (var.topic == null) != (var.job == null)
    error_message = "schedule ${var.name} needs a topic or a job, and not both."
  }
}

variable "job" {
  type        = object({ name = string, service_account = string })
  description = "The Cloud Run job that it starts, and the account that may; null when it publishes."
  default     = null
}

variable "paused" {
  type        = bool
  description = "Whether it does not beat for now."
  nullable    = false
  default     = false
}
