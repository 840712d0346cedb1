variable "project_id" {
  type        = string
  description = "The project that owns the database."
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project_id))
    error_message = "project_id must be a project's id: 6 to 30 of a-z 0-9 and -, beginning with a letter."
  }
}

variable "database" {
  type        = string
  description = "Database id."
  nullable    = false
  default     = "(default)"

  validation {
    condition     = var.database == "(default)" || can(regex("^[a-z][a-z0-9-]{2,61}[a-z0-9]$", var.database))
    error_message = "database must be (default) or 4 to 63 of a-z 0-9 and -, begin with a letter and end with a letter or digit."
  }
}

variable "location" {
  type        = string
  description = "Region of the documents. It can never be changed."
  nullable    = false
  default     = "asia-south1"

  validation {
    condition     = can(regex("^([a-z]+-[a-z]+[0-9]|nam5|nam7|eur3)$", var.location))
    error_message = "location must be a region (asia-south1) or one of Firestore's multi-regions nam5, nam7 and eur3."
  }
}

variable "protected" {
  type        = bool
  description = "Whether the database is protected against deletion: on in production, off where everything is torn down."
  nullable    = false
  default     = true
}

variable "kms_key" {
  type        = string
  description = "The customer-managed key in the same location; null for Google's own. Firestore's service agent must be allowed to use it."
  default     = null

  validation {
    condition     = var.kms_key == null ? true : can(regex("^projects/[^/]+/locations/[^/]+/keyRings/[^/]+/cryptoKeys/[^/]+$", var.kms_key))
    error_message = "kms_key must be projects/…/locations/…/keyRings/…/cryptoKeys/…, or null."
  }
}

# --- What the code relies on (terraform/indexes.json) ---
variable "ttl_collections" {
  type        = set(string)
  description = "Collection groups whose documents end at their field expire_at."
  nullable    = false
  default     = []

  validation {
    condition     = alltrue([for name in var.ttl_collections : can(regex("^[a-z][a-z0-9_]*$", name))])
    error_message = "ttl_collections holds ids of collection groups (inbox), not paths."
  }
}

variable "indexes" {
  type = list(object({
    collection = string
    scope      = optional(string, "COLLECTION")
    fields = list(object({
      path  = string
      order = optional(string)
      array = optional(string)
    }))
  }))
  description = "Composite indexes. A query on one field needs none."
  nullable    = false
  default     = []

  validation {
    condition     = alltrue([for index in var.indexes : length(index.fields) >= 2 && length(index.fields) <= 100])
    error_message = "A composite index has 2 to 100 fields: Firestore makes those on a single field by itself."
  }

  validation {
    condition     = alltrue([for index in var.indexes : contains(["COLLECTION", "COLLECTION_GROUP"], index.scope)])
    error_message = "An index's scope is COLLECTION or COLLECTION_GROUP."
  }

  validation {
    condition = alltrue(flatten([for index in var.indexes : [for field in index.fields :
      (field.order == null) != (field.array == null) && contains(["ASCENDING", "DESCENDING"], coalesce(field.order, "ASCENDING")) && coalesce(field.array, "CONTAINS") == "CONTAINS"
    ]]))
    error_message = "Each field of an index has either order (ASCENDING or DESCENDING) or array (CONTAINS)."
  }

  validation {
    condition     = alltrue([for index in var.indexes : can(regex("^[a-z][a-z0-9_]*$", index.collection)) && alltrue([for field in index.fields : field.path != "__name__"])])
    error_message = "An index names a collection group's id, and no __name__: Firestore appends it."
  }

  validation {
    condition     = length(distinct([for index in var.indexes : jsonencode(index)])) == length(var.indexes)
    error_message = "The same index is declared twice."
  }
}

# --- Backups ---
variable "backup" {
  type = object({
    daily_days   = optional(number, 7)
    weekly_weeks = optional(number, 8)
    weekly_day   = optional(string, "SUNDAY")
  })
  description = "How long a daily backup is kept, in days, and a weekly one, in weeks; at most 14 weeks each."
  nullable    = false
  default     = {}

  validation {
    condition     = var.backup.daily_days >= 1 && var.backup.daily_days <= 98 && floor(var.backup.daily_days) == var.backup.daily_days
    error_message = "backup.daily_days must be a whole number from 1 to 98 (14 weeks)."
  }

  validation {
    condition     = var.backup.weekly_weeks >= 1 && var.backup.weekly_weeks <= 14 && floor(var.backup.weekly_weeks) == var.backup.weekly_weeks
    error_message = "backup.weekly_weeks must be a whole number from 1 to 14."
  }

  validation {
    condition     = contains(["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY"], var.backup.weekly_day)
    error_message = "backup.weekly_day must be a day of the week in capitals."
  }
}

# --- Who may do what: a name of your choice to an IAM member ---
variable "readers" {
  type        = map(string)
  description = "Members that read this database's documents, by a static name."
  nullable    = false
  default     = {}

  validation {
    condition     = alltrue([for member in values(var.readers) : can(regex("^(serviceAccount|user|group|principal|principalSet):.+", member))])
    error_message = "Documents are never public: readers are serviceAccount:, user:, group: or principal(Set): members."
  }
}

variable "writers" {
  type        = map(string)
  description = "Members that read and write this database's documents, by a static name."
  nullable    = false
  default     = {}

  validation {
    condition     = alltrue([for member in values(var.writers) : can(regex("^(serviceAccount|user|group|principal|principalSet):.+", member))])
    error_message = "Documents are never public: writers are serviceAccount:, user:, group: or principal(Set): members."
  }

  validation {
    condition     = length(setintersection(toset(values(var.writers)), toset(values(var.readers)))) == 0
    error_message = "A member is a reader or a writer: writers read too."
  }
}
