variable "project_id" {
  type        = string
  description = "The project that owns the secrets."
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project_id))
    error_message = "project_id must be a project's id: 6 to 30 of a-z 0-9 and -, beginning with a letter."
  }
}

variable "regions" {
  type        = set(string)
  description = "Regions in which each value is stored."
  nullable    = false

  validation {
    condition     = length(var.regions) >= 1 && alltrue([for region in var.regions : can(regex("^[a-z]+-[a-z]+[0-9]{1,2}$", region))])
    error_message = "regions must name at least one Google Cloud region in small letters, as asia-south1."
  }
}

variable "secrets" {
  type        = map(object({ description = string }))
  description = "Secrets by id. A value is never here: `gcloud secrets versions add` or a rotating function brings it."
  nullable    = false

  validation {
    condition     = alltrue([for id in keys(var.secrets) : can(regex("^[a-z][a-z0-9-]{2,62}$", id))])
    error_message = "A secret's id must be 3 to 63 of a-z 0-9 and -, beginning with a letter."
  }
}

variable "adders" {
  type        = map(string)
  description = "Members that may add a value (and not read one), by a static name: the people who bring the first one."
  nullable    = false
  default     = {}

  validation {
    condition     = alltrue([for member in values(var.adders) : can(regex("^(serviceAccount|user|group|principal|principalSet):.+", member))])
    error_message = "adders are serviceAccount:, user:, group: or principal(Set): members, never allUsers or allAuthenticatedUsers."
  }
}

variable "protected" {
  type        = bool
  description = "Whether Terraform refuses to remove a secret."
  nullable    = false
  default     = true
}

variable "labels" {
  type        = map(string)
  description = "Labels of the secrets; `part` is added."
  nullable    = false
  default     = {}

  validation {
    condition     = alltrue([for key, value in var.labels : can(regex("^[a-z][a-z0-9_-]{0,62}$", key)) && can(regex("^[a-z0-9_-]{0,63}$", value))])
    error_message = "Label keys and values hold at most 63 of a-z 0-9 _ and -, keys begin with a letter."
  }
}
