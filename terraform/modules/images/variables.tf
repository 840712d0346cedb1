variable "project_id" {
  type        = string
  description = "The project that owns the repository."
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project_id))
    error_message = "project_id must be a project's id: 6 to 30 of a-z 0-9 and -, beginning with a letter."
  }
}

variable "region" {
  type        = string
  description = "Region of the repository: where the functions run."
  nullable    = false
  default     = "asia-south1"

  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]$", var.region))
    error_message = "region must be a region, such as asia-south1."
  }
}

variable "name" {
  type        = string
  description = "The repository's id."
  nullable    = false
  default     = "quantsentinel"

  validation {
    condition     = can(regex("^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$", var.name))
    error_message = "The repository's name must be at most 63 of a-z 0-9 and -, begin with a letter and end with a letter or digit."
  }
}

variable "labels" {
  type        = map(string)
  description = "Labels of the repository."
  nullable    = false
  default     = {}

  validation {
    condition     = alltrue([for key, value in var.labels : can(regex("^[a-z][a-z0-9_-]{0,62}$", key)) && can(regex("^[a-z0-9_-]{0,63}$", value))])
    error_message = "Label keys and values hold at most 63 of a-z 0-9 _ and -, keys begin with a letter."
  }
}

variable "scanning" {
  type        = bool
  description = "Whether pushed images are scanned for vulnerabilities (the project needs containerscanning.googleapis.com)."
  nullable    = false
  default     = true
}

variable "protected" {
  type        = bool
  description = "Whether a plan that would remove the repository fails: running revisions are pulled from it."
  nullable    = false
  default     = true
}

variable "kms_key" {
  type        = string
  description = "The customer-managed key in the same region; null for Google's own."
  default     = null

  validation {
    condition     = var.kms_key == null ? true : can(regex("^projects/[^/]+/locations/[^/]+/keyRings/[^/]+/cryptoKeys/[^/]+$", var.kms_key))
    error_message = "kms_key must be projects/…/locations/…/keyRings/…/cryptoKeys/…, or null."
  }
}

# --- What is kept ---
variable "keep_recent" {
  type        = number
  description = "The newest versions of each image that are always kept: as far as a deployment can go back."
  nullable    = false
  default     = 20

  validation {
    condition     = var.keep_recent >= 2 && var.keep_recent <= 1000 && floor(var.keep_recent) == var.keep_recent
    error_message = "keep_recent must be a whole number from 2 to 1000: the running version and the one to go back to."
  }
}

variable "keep_days" {
  type        = number
  description = "Age in days from which older versions without a tag are removed."
  nullable    = false
  default     = 30

  validation {
    condition     = var.keep_days >= 1 && floor(var.keep_days) == var.keep_days
    error_message = "keep_days must be a whole number of at least 1."
  }
}

# --- Who may do what: a name of your choice to an IAM member ---
variable "readers" {
  type        = map(string)
  description = "Members that pull images, by a static name."
  nullable    = false
  default     = {}

  validation {
    condition     = alltrue([for member in values(var.readers) : can(regex("^(serviceAccount|user|group|principal|principalSet):.+", member))])
    error_message = "Images are never public: readers are serviceAccount:, user:, group: or principal(Set): members."
  }
}

variable "writers" {
  type        = map(string)
  description = "Members that push images, by a static name."
  nullable    = false
  default     = {}

  validation {
    condition     = alltrue([for member in values(var.writers) : can(regex("^(serviceAccount|user|group|principal|principalSet):.+", member))])
    error_message = "Images are never public: writers are serviceAccount:, user:, group: or principal(Set): members."
  }
}
