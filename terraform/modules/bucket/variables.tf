variable "project_id" {
  type        = string
  description = "The project that owns the bucket."
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project_id))
    error_message = "project_id must be a project's id: 6 to 30 of a-z 0-9 and -, beginning with a letter."
  }
}

variable "name" {
  type        = string
  description = "The bucket's name, global over all of Cloud Storage."
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.name)) && !startswith(var.name, "goog") && !strcontains(var.name, "google")
    error_message = "The bucket's name must be 3 to 63 of a-z 0-9 and -, begin and end with a letter or digit, and must not hold \"google\"."
  }
}

variable "location" {
  type        = string
  description = "Region of the objects."
  nullable    = false
  default     = "asia-south1"

  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]$", var.location))
    error_message = "location must be one region in small letters (asia-south1): a bucket lies where its functions run."
  }
}

variable "labels" {
  type        = map(string)
  description = "Labels of the bucket."
  nullable    = false
  default     = {}

  validation {
    condition     = alltrue([for key, value in var.labels : can(regex("^[a-z][a-z0-9_-]{0,62}$", key)) && can(regex("^[a-z0-9_-]{0,63}$", value))])
    error_message = "Label keys and values hold at most 63 of a-z 0-9 _ and -, keys begin with a letter."
  }
}

variable "protected" {
  type        = bool
  description = "Whether a plan that would remove the bucket fails; null for wherever force_destroy is false."
  default     = null
}

variable "force_destroy" {
  type        = bool
  description = "Whether removing the bucket removes its objects too: for environments that are torn down."
  nullable    = false
  default     = false

  validation {
    condition     = !(var.force_destroy && var.protected == true)
    error_message = "force_destroy and protected exclude each other: a protected bucket is never emptied."
  }
}

# --- How long things are kept ---
variable "soft_delete_days" {
  type        = number
  description = "Days for which a deleted object, or the deleted bucket, can be restored."
  nullable    = false
  default     = 7

  validation {
    condition     = var.soft_delete_days >= 7 && var.soft_delete_days <= 90 && floor(var.soft_delete_days) == var.soft_delete_days
    error_message = "soft_delete_days must be a whole number from 7 to 90 (Cloud Storage's own limits; off is not offered)."
  }
}

variable "noncurrent_versions_days" {
  type        = number
  description = "Days for which a replaced or deleted generation stays readable by its number."
  nullable    = false
  default     = 30

  validation {
    condition     = var.noncurrent_versions_days >= 1 && floor(var.noncurrent_versions_days) == var.noncurrent_versions_days
    error_message = "noncurrent_versions_days must be a whole number of at least 1."
  }
}

variable "retention_days" {
  type        = number
  description = "Days for which no object can be deleted or replaced by anybody; null for none."
  default     = null

  validation {
    condition     = var.retention_days == null ? true : var.retention_days >= 1 && var.retention_days < 36525 && floor(var.retention_days) == var.retention_days
    error_message = "retention_days must be a whole number from 1 to 36524, or null."
  }
}

variable "retention_locked" {
  type        = bool
  description = "Whether the retention can never be shortened again. It cannot be undone."
  nullable    = false
  default     = false

  validation {
    condition     = !var.retention_locked || var.retention_days != null
    error_message = "retention_locked needs retention_days: there is nothing to lock."
  }

  validation {
    condition     = !(var.retention_locked && var.force_destroy)
    error_message = "A locked retention cannot be torn down: set force_destroy only where retention_locked is false."
  }
}

variable "nearline_after_days" {
  type        = number
  description = "Age in days from which an object moves to the cheaper NEARLINE class; null for never."
  default     = null

  validation {
    condition     = var.nearline_after_days == null ? true : var.nearline_after_days >= 1 && floor(var.nearline_after_days) == var.nearline_after_days
    error_message = "nearline_after_days must be a whole number of at least 1, or null."
  }
}

variable "delete_after_days" {
  type        = number
  description = "Age in days from which a live object is deleted; null for never."
  default     = null

  validation {
    condition     = var.delete_after_days == null ? true : var.delete_after_days >= 1 && floor(var.delete_after_days) == var.delete_after_days
    error_message = "delete_after_days must be a whole number of at least 1, or null."
  }

  validation {
    condition     = var.delete_after_days == null || var.retention_days == null ? true : var.delete_after_days >= var.retention_days
    error_message = "delete_after_days must not be less than retention_days: no object may be deleted before."
  }
}

variable "kms_key" {
  type        = string
  description = "The customer-managed key that encrypts objects; null for Google's own. Cloud Storage's service agent must be allowed to use it."
  default     = null

  validation {
    condition     = var.kms_key == null ? true : can(regex("^projects/[^/]+/locations/[^/]+/keyRings/[^/]+/cryptoKeys/[^/]+$", var.kms_key))
    error_message = "kms_key must be projects/…/locations/…/keyRings/…/cryptoKeys/…, or null."
  }
}

# --- Who may do what: a name of your choice to an IAM member ---
variable "readers" {
  type        = map(string)
  description = "Members that read and list objects, by a static name."
  nullable    = false
  default     = {}

  validation {
    condition     = alltrue([for member in values(var.readers) : can(regex("^(serviceAccount|user|group|principal|principalSet):.+", member))])
    error_message = "A bucket is never public: readers are serviceAccount:, user:, group: or principal(Set): members, never allUsers or allAuthenticatedUsers."
  }
}

variable "writers" {
  type        = map(string)
  description = "Members that read, create, replace and delete objects, by a static name."
  nullable    = false
  default     = {}

  validation {
    condition     = alltrue([for member in values(var.writers) : can(regex("^(serviceAccount|user|group|principal|principalSet):.+", member))])
    error_message = "A bucket is never public: writers are serviceAccount:, user:, group: or principal(Set): members, never allUsers or allAuthenticatedUsers."
  }
}

variable "creators" {
  type        = map(string)
  description = "Members that create objects and can neither replace nor delete nor read one, by a static name."
  nullable    = false
  default     = {}

  validation {
    condition     = alltrue([for member in values(var.creators) : can(regex("^(serviceAccount|user|group|principal|principalSet):.+", member))])
    error_message = "A bucket is never public: creators are serviceAccount:, user:, group: or principal(Set): members, never allUsers or allAuthenticatedUsers."
  }
}
