variable "project_id" {
  type        = string
  description = "The project of this environment."
  nullable    = false
}

variable "project_number" {
  type        = string
  description = "Its number: gcloud projects describe ID --format='value(projectNumber)'."
  nullable    = false
}

variable "serve_image" {
  type        = string
  description = "The image that functions run, by digest."
  nullable    = false
}

variable "batch_image" {
  type        = string
  description = "The image that jobs run, by digest."
  nullable    = false
}

variable "notification_emails" {
  type        = set(string)
  description = "Addresses that alerts are sent to."
  nullable    = false
}

variable "operators" {
  type        = map(string)
  description = "Members that call operators' functions and bring the secrets' first values, by a static name."
  nullable    = false
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
}

variable "budget" {
  type        = object({ billing_account = string, amount = number, currency = optional(string, "INR") })
  description = "A month's budget; null for none."
  default     = null
}

variable "traffic" {
  type        = map(map(number))
  description = "Percent by revision for functions in a canary; the pipeline sets it."
  nullable    = false
  default     = {}
}

variable "static_egress" {
  type        = object({ addresses = optional(number, 1), functions = set(string) })
  description = "Functions whose egress leaves from static addresses, for a broker's allow-list; null for none."
  default     = null
}

variable "margin_broker" {
  type        = string
  description = "Whose margin figure decisions prefer to the estimate: upstox, or empty for nobody's."
  nullable    = false
  default     = ""
}

variable "kms_key" {
  type        = string
  description = "Customer-managed key of documents, objects and images; null for Google's own."
  default     = null
}

variable "settings" {
  type        = map(string)
  description = "Further settings (QS_…) of every function and job; no secret."
  nullable    = false
  default     = {}
}

variable "function_settings" {
  type        = map(map(string))
  description = "Further settings (QS_…) of single functions or jobs."
  nullable    = false
  default     = {}
}

variable "database" {
  type        = string
  description = "The Firestore database that is used: another one after a restore (docs/runbook.md)."
  nullable    = false
  default     = "(default)"
}
