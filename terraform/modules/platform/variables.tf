variable "project_id" {
  type        = string
  description = "The project that everything is made in."
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project_id))
    error_message = "project_id must be a project's id: 6 to 30 of a-z 0-9 and -, beginning with a letter."
  }
}

variable "project_number" {
  type        = string
  description = "The project's number: the addresses of Google's service agents are made of it."
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]{6,20}$", var.project_number))
    error_message = "project_number must be the project's number in digits (gcloud projects describe ID --format='value(projectNumber)')."
  }
}

variable "environment" {
  type        = string
  description = "dev can be torn down, prod cannot."
  nullable    = false

  validation {
    condition     = contains(["dev", "prod"], var.environment)
    error_message = "environment must be dev or prod."
  }
}

variable "protected" {
  type        = bool
  description = "Whether data and services are protected against removal."
  nullable    = false

  validation {
    condition     = var.protected || var.environment != "prod"
    error_message = "prod is always protected: its data cannot be torn down."
  }
}

variable "region" {
  type        = string
  description = "Region of functions, documents, objects and schedules: near the exchange and, by law, in India."
  nullable    = false
  default     = "asia-south1"

  validation {
    condition     = contains(["asia-south1", "asia-south2"], var.region)
    error_message = "region must be asia-south1 (Mumbai) or asia-south2 (Delhi): records of Indian clients stay in India."
  }
}

variable "serve_image" {
  type        = string
  description = "The image that functions run, by digest."
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9.-]+(/[a-z0-9._-]+)+@sha256:[0-9a-f]{64}$", var.serve_image))
    error_message = "serve_image must be …@sha256:<64 hex digits>: a tag can be moved, a digest cannot, and the digest that was tested is the one that is deployed."
  }
}

variable "batch_image" {
  type        = string
  description = "The image that jobs run, by digest."
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9.-]+(/[a-z0-9._-]+)+@sha256:[0-9a-f]{64}$", var.batch_image))
    error_message = "batch_image must be …@sha256:<64 hex digits>: a tag can be moved, a digest cannot, and the digest that was tested is the one that is deployed."
  }
}

# --- What people decide ---
variable "margin_broker" {
  type        = string
  description = "Whose margin figure decisions prefer to the estimate: upstox, or nobody's."
  nullable    = false
  default     = ""

  validation {
    condition     = contains(["", "upstox"], var.margin_broker)
    error_message = "margin_broker must be upstox or empty: of no other broker does the map hold a token."
  }
}

variable "notification_emails" {
  type        = set(string)
  description = "Addresses that alerts are sent to."
  nullable    = false

  validation {
    condition     = length(var.notification_emails) > 0
    error_message = "notification_emails is empty: an alert that nobody gets is none."
  }
}

variable "operators" {
  type        = map(string)
  description = "Members that call operators' functions and bring the secrets' first values, by a static name."
  nullable    = false

  validation {
    condition     = length(var.operators) > 0 && alltrue([for member in values(var.operators) : can(regex("^(serviceAccount|user|group|principal|principalSet):.+", member))])
    error_message = "operators names at least one serviceAccount:, user:, group: or principal(Set): member, never allUsers or allAuthenticatedUsers."
  }
}

variable "underlyings" {
  type        = list(string)
  description = "What is polled."
  nullable    = false
  default     = ["NIFTY", "BANKNIFTY"]

  validation {
    condition     = length(var.underlyings) > 0 && alltrue([for name in var.underlyings : can(regex("^[A-Z0-9]{3,20}$", name))])
    error_message = "underlyings names at least one, in capitals, as NIFTY."
  }
}

variable "poll_interval_s" {
  type        = number
  description = "Seconds between two polls of one underlying."
  nullable    = false
  default     = 15

  validation {
    condition     = var.poll_interval_s >= 3 && var.poll_interval_s <= 60
    error_message = "poll_interval_s must be 3 to 60: the poller loops inside its minute."
  }
}

variable "settings" {
  type        = map(string)
  description = "Further settings (QS_…) of every function and job; no secret."
  nullable    = false
  default     = {}

  validation {
    condition     = alltrue([for name in keys(var.settings) : startswith(name, "QS_")])
    error_message = "settings are called QS_…: `qs config show` lists them."
  }
}

variable "function_settings" {
  type        = map(map(string))
  description = "Further settings (QS_…) of single functions or jobs, by their names."
  nullable    = false
  default     = {}

  validation {
    condition     = alltrue([for name in keys(var.function_settings) : contains(concat(keys(var.map.functions), keys(var.map.jobs)), name)])
    error_message = "function_settings names what terraform/functions.json does not have."
  }
}

variable "schedules_paused" {
  type        = bool
  description = "Whether nothing beats: for an environment that only stands."
  nullable    = false
  default     = false
}

variable "traffic" {
  type        = map(map(number))
  description = "Percent by revision for functions in a canary, by their names; everything else goes to the newest."
  nullable    = false
  default     = {}

  validation {
    condition     = alltrue([for name in keys(var.traffic) : contains(keys(var.map.functions), name)])
    error_message = "traffic names functions that terraform/functions.json does not have."
  }
}

# --- Options ---
variable "static_egress" {
  type        = object({ addresses = optional(number, 1), functions = set(string) })
  description = "Sends the egress of these functions through static addresses, for a broker's allow-list; null for none."
  default     = null

  validation {
    condition     = alltrue([for name in try(var.static_egress.functions, []) : contains(concat(keys(var.map.functions), keys(var.map.jobs)), name)])
    error_message = "static_egress names functions that terraform/functions.json does not have."
  }
}

variable "kms_key" {
  type        = string
  description = "Customer-managed key of documents, objects and images; null for Google's own."
  default     = null

  validation {
    condition     = var.kms_key == null ? true : can(regex("^projects/[^/]+/locations/[^/]+/keyRings/[^/]+/cryptoKeys/[^/]+$", var.kms_key))
    error_message = "kms_key must be projects/…/locations/…/keyRings/…/cryptoKeys/…, or null."
  }
}

variable "budget" {
  type = object({
    billing_account = string
    amount          = number
    currency        = optional(string, "INR")
  })
  description = "A month's budget; null for none."
  default     = null
}

variable "delivery" {
  type = object({
    repository    = string
    repository_id = optional(string)
    branch        = optional(string, "main")
    state_bucket  = optional(string)
    may_apply     = optional(bool, false)
  })
  description = "The repository whose pipeline may deliver, without keys; null for none."
  default     = null
}

variable "cloud_build" {
  type = object({
    repository = string
    approvers  = map(string)
    marketdata = optional(string)
  })
  description = "Cloud Build triggers of cloudbuild.yaml, with the people who approve an apply; null for none."
  default     = null

  validation {
    condition     = var.cloud_build == null || try(var.delivery.state_bucket, null) != null
    error_message = "cloud_build needs delivery with its state_bucket: who applies, and where releases lie."
  }
}

variable "database" {
  type        = string
  description = "Firestore database id."
  nullable    = false
  default     = "(default)"
}

# --- Files of this repository ---
variable "indexes" {
  description = "terraform/indexes.json: expiring collection groups and composite indexes."
  nullable    = false
  type = object({
    expiring = set(string)
    composite = list(object({
      collection = string
      scope      = optional(string, "COLLECTION")
      fields = list(object({
        path  = string
        order = optional(string)
        array = optional(string)
      }))
    }))
  })
}
