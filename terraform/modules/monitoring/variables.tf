variable "project_id" {
  type        = string
  description = "The project that is watched."
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project_id))
    error_message = "project_id must be a project's id: 6 to 30 of a-z 0-9 and -, beginning with a letter."
  }
}

variable "labels" {
  type        = map(string)
  description = "Labels of the channels, alerts, service and objectives."
  nullable    = false
  default     = {}

  validation {
    condition     = alltrue([for key, value in var.labels : can(regex("^[a-z][a-z0-9_-]{0,62}$", key)) && can(regex("^[a-z0-9_-]{0,63}$", value))])
    error_message = "Label keys and values hold at most 63 of a-z 0-9 _ and -, keys begin with a letter."
  }
}

variable "functions" {
  type = map(object({
    service                  = string
    subscription             = optional(string)
    dead_letter_subscription = optional(string)
    max_instances            = optional(number)
    timeout_s                = optional(number)
  }))
  description = "What runs: function's name to its Cloud Run service and subscriptions."
  nullable    = false

  validation {
    condition     = length(var.functions) > 0
    error_message = "functions is empty: there is nothing to watch."
  }
}

# --- Who is told ---
variable "notification_emails" {
  type        = set(string)
  description = "Addresses that alerts are sent to."
  nullable    = false

  validation {
    condition     = alltrue([for address in var.notification_emails : can(regex("^[^@ ]+@[^@ ]+\\.[^@ ]+$", address))])
    error_message = "notification_emails holds e-mail addresses."
  }

  validation {
    condition     = length(var.notification_emails) > 0
    error_message = "notification_emails is empty: an alert that nobody gets is none."
  }
}

# --- When ---
variable "heartbeat" {
  type = object({
    function       = optional(string, "heartbeat")
    first_hour_ist = optional(number, 8)
    last_hour_ist  = optional(number, 20)
    silent_minutes = optional(number, 10)
    expected       = optional(bool, true)
  })
  description = "The function that beats every minute from the first hour through the last one, Asia/Kolkata, and for how long it may be silent. Not expected: where schedules are paused."
  nullable    = false
  default     = {}

  validation {
    condition     = contains(keys(var.functions), var.heartbeat.function)
    error_message = "heartbeat.function is not among functions."
  }

  validation {
    condition     = var.heartbeat.first_hour_ist >= 6 && var.heartbeat.first_hour_ist <= var.heartbeat.last_hour_ist && var.heartbeat.last_hour_ist <= 23
    error_message = "heartbeat's hours must lie between 6 and 23, the first not after the last: earlier ones would begin on the day before in UTC."
  }

  validation {
    condition     = var.heartbeat.silent_minutes >= 5 && var.heartbeat.silent_minutes <= 60 && floor(var.heartbeat.silent_minutes) == var.heartbeat.silent_minutes
    error_message = "heartbeat.silent_minutes must be a whole number from 5 to 60: Cloud Run's counts arrive up to three minutes late."
  }
}

variable "tenant_switches" {
  type        = number
  description = "Switches of single tenants (their own loss or margin limits) within 10 minutes above which operators are told: the tenants themselves always are."
  nullable    = false
  default     = 20

  validation {
    condition     = var.tenant_switches >= 1
    error_message = "tenant_switches must be at least 1."
  }
}

variable "log_retention_days" {
  type        = number
  description = "Days for which log lines are kept: long enough to look into what a quarter's report asks about."
  nullable    = false
  default     = 92

  validation {
    condition     = var.log_retention_days >= 30 && var.log_retention_days <= 3650 && floor(var.log_retention_days) == var.log_retention_days
    error_message = "log_retention_days must be a whole number from 30 to 3650."
  }
}

# --- Objectives ---
variable "slos" {
  type = map(object({
    function     = string
    kind         = string
    goal         = number
    threshold_ms = optional(number)
    rolling_days = optional(number, 28)
  }))
  description = "Service level objectives: the share of a function's answers that are 2xx (availability), or given within threshold_ms (latency)."
  nullable    = false
  default = {
    decide_answers = { function = "decide", kind = "availability", goal = 0.99 }
    decide_speed   = { function = "decide", kind = "latency", goal = 0.95, threshold_ms = 2000 }
    tenants_answer = { function = "serve_tenants", kind = "availability", goal = 0.99 }
    tenants_speed  = { function = "serve_tenants", kind = "latency", goal = 0.95, threshold_ms = 5000 }
  }

  validation {
    condition     = alltrue([for slo in values(var.slos) : contains(keys(var.functions), slo.function)])
    error_message = "An objective names a function that is not among functions."
  }

  validation {
    condition     = alltrue([for slo in values(var.slos) : slo.goal > 0 && slo.goal <= 0.999])
    error_message = "An objective's goal lies above 0 and at most at 0.999: 1 leaves nothing to burn."
  }

  validation {
    condition     = alltrue([for slo in values(var.slos) : slo.kind == "latency" ? coalesce(slo.threshold_ms, 0) > 0 : slo.kind == "availability" && slo.threshold_ms == null])
    error_message = "An objective's kind is availability (without threshold_ms) or latency (with it)."
  }

  validation {
    condition     = alltrue([for slo in values(var.slos) : slo.rolling_days >= 1 && slo.rolling_days <= 30 && floor(slo.rolling_days) == slo.rolling_days])
    error_message = "An objective's rolling_days is a whole number from 1 to 30."
  }

  validation {
    condition     = alltrue([for name in keys(var.slos) : can(regex("^[a-z][a-z0-9_]{0,62}$", name))])
    error_message = "An objective's name holds at most 63 of a-z 0-9 and _."
  }
}

# --- Money ---
variable "budget" {
  type = object({
    billing_account = string
    project_number  = string
    amount          = number
    currency        = optional(string, "INR")
  })
  description = "A month's budget, of which half, nine tenths, all, and a forecast above all are told; null for none. The deployer needs roles/billing.costsManager on the account."
  default     = null

  validation {
    condition     = var.budget == null ? true : can(regex("^[0-9A-F]{6}-[0-9A-F]{6}-[0-9A-F]{6}$", var.budget.billing_account)) && can(regex("^[0-9]{6,20}$", var.budget.project_number))
    error_message = "budget needs a billing_account such as 012345-6789AB-CDEF01 and the project_number in digits."
  }

  validation {
    condition     = var.budget == null ? true : var.budget.amount >= 1 && floor(var.budget.amount) == var.budget.amount && can(regex("^[A-Z]{3}$", var.budget.currency))
    error_message = "budget.amount is a whole number of at least 1 in the billing account's own currency, budget.currency its three capitals."
  }
}
