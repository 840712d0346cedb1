variable "project_id" {
  type        = string
  description = "The project that is delivered to."
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project_id))
    error_message = "project_id must be a project's id: 6 to 30 of a-z 0-9 and -, beginning with a letter."
  }
}

variable "project_number" {
  type        = string
  description = "The project's number: federated identities are addressed by it."
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]{6,20}$", var.project_number))
    error_message = "project_number must be the project's number, digits only: gcloud projects describe <id> --format='value(projectNumber)'."
  }
}

# --- Whom we trust ---
variable "repository" {
  type        = string
  description = "The one repository whose pipeline may deliver, as owner/name."
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9][A-Za-z0-9-]{0,38}/[A-Za-z0-9._-]{1,100}$", var.repository))
    error_message = "repository must be owner/name, without wildcards: a whole owner is never trusted."
  }
}

variable "repository_id" {
  type        = string
  description = "The repository's number at the issuer, which a new owner of the same name does not have; null to trust the name alone."
  default     = null

  validation {
    condition     = var.repository_id == null ? true : can(regex("^[0-9]+$", var.repository_id))
    error_message = "repository_id must be digits, or null: gh api repos/<owner>/<name> --jq .id."
  }
}

variable "branch" {
  type        = string
  description = "The one branch that may deliver. Pull requests have another ref and cannot."
  nullable    = false
  default     = "main"

  validation {
    condition     = can(regex("^[A-Za-z0-9][A-Za-z0-9._/-]{0,200}$", var.branch)) && !startswith(var.branch, "refs/")
    error_message = "branch must be one branch's name (main), without wildcards and without refs/heads/."
  }
}

variable "issuer" {
  type = object({
    uri           = optional(string, "https://token.actions.githubusercontent.com")
    repository    = optional(string, "repository")
    repository_id = optional(string, "repository_id")
    ref           = optional(string, "ref")
    ref_prefix    = optional(string, "refs/heads/")
    audiences     = optional(list(string), [])
  })
  description = "The OIDC issuer and the names of its claims; GitHub's by default. No audience means the provider's own address."
  nullable    = false
  default     = {}

  validation {
    condition     = can(regex("^https://[^/ ]+(/[^ ]*)?$", var.issuer.uri))
    error_message = "issuer.uri must begin with https://."
  }

  validation {
    condition     = alltrue([for claim in [var.issuer.repository, var.issuer.repository_id, var.issuer.ref] : can(regex("^[a-z_]+$", claim))])
    error_message = "issuer.repository, .repository_id and .ref are names of claims: small letters and _."
  }
}

# --- Names ---
variable "pool_id" {
  type        = string
  description = "Id of the workload identity pool. One that was deleted keeps its id for 30 days."
  nullable    = false
  default     = "quantsentinel-ci"

  validation {
    condition     = can(regex("^[a-z0-9-]{4,32}$", var.pool_id)) && !startswith(var.pool_id, "gcp-")
    error_message = "pool_id must be 4 to 32 of a-z 0-9 and -, and must not begin with gcp-."
  }
}

variable "provider_id" {
  type        = string
  description = "Id of the provider in the pool."
  nullable    = false
  default     = "github"

  validation {
    condition     = can(regex("^[a-z0-9-]{4,32}$", var.provider_id)) && !startswith(var.provider_id, "gcp-")
    error_message = "provider_id must be 4 to 32 of a-z 0-9 and -, and must not begin with gcp-."
  }
}

variable "account_id" {
  type        = string
  description = "Id of the deployer's service account."
  nullable    = false
  default     = "qs-deployer"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.account_id))
    error_message = "account_id must be 6 to 30 of a-z 0-9 and -, beginning with a letter."
  }
}

# --- What the deployer may do, by a static name ---
variable "services" {
  type        = map(object({ location = string, name = string }))
  description = "Cloud Run services to which new revisions may be deployed."
  nullable    = false
  default     = {}
}

variable "jobs" {
  type        = map(object({ location = string, name = string }))
  description = "Cloud Run jobs that may be given a new image."
  nullable    = false
  default     = {}
}

variable "accounts" {
  type        = map(string)
  description = "Full names (projects/…/serviceAccounts/…) of the service accounts that those services and jobs run as."
  nullable    = false
  default     = {}

  validation {
    condition     = alltrue([for name in values(var.accounts) : can(regex("^projects/[^/]+/serviceAccounts/[^/]+$", name))])
    error_message = "accounts holds full names, projects/<project>/serviceAccounts/<email>: the right to act as every account of a project is not given."
  }

  validation {
    condition     = alltrue([for name in values(var.accounts) : !endswith(name, "-compute@developer.gserviceaccount.com") && !endswith(name, "@appspot.gserviceaccount.com")])
    error_message = "A default service account is nobody's to act as."
  }
}

variable "image_repository" {
  type        = object({ location = string, name = string })
  description = "The Artifact Registry repository that images are pushed to; null for none."
  default     = null
}

variable "state_bucket" {
  type        = string
  description = "The bucket with Terraform's state and plans; null for none."
  default     = null
}

variable "may_apply" {
  type        = bool
  description = "Whether the deployer may apply this whole configuration, not only deploy images to what stands."
  nullable    = false
  default     = false
}

variable "grantable_roles" {
  type        = set(string)
  description = "With may_apply: the only roles that the deployer may grant on the project."
  nullable    = false
  default     = ["roles/datastore.user", "roles/datastore.viewer"]

  validation {
    condition     = alltrue([for role in var.grantable_roles : can(regex("^roles/[a-z]+\\.[A-Za-z.]+$", role)) && !can(regex("(?i)(admin|owner|editor|tokenCreator|serviceAccountUser)$", role))])
    error_message = "grantable_roles holds narrow predefined roles: nothing that ends in admin, owner, editor, tokenCreator or serviceAccountUser."
  }
}

variable "extra_roles" {
  type        = set(string)
  description = "With may_apply: further roles on the project for optional parts; static egress needs roles/compute.networkAdmin and roles/compute.securityAdmin."
  nullable    = false
  default     = []

  validation {
    condition     = alltrue([for role in var.extra_roles : can(regex("^roles/[a-z]+\\.[A-Za-z.]+$", role)) && !can(regex("^roles/(iam|resourcemanager|orgpolicy)\\.", role))])
    error_message = "extra_roles holds predefined roles of one service: no primitive role, and none of iam, resourcemanager or orgpolicy."
  }
}
