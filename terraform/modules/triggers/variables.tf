variable "project_id" {
  type        = string
  description = "The project that builds and is built for."
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project_id))
    error_message = "project_id must be a project's id: 6 to 30 of a-z 0-9 and -, beginning with a letter."
  }
}

variable "region" {
  type        = string
  description = "Where builds run: the region of the repository's connection."
  nullable    = false
  default     = "asia-south1"

  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]{1,2}$", var.region))
    error_message = "region must be a Google Cloud region in small letters, as asia-south1."
  }
}

variable "environment" {
  type        = string
  description = "What is delivered to: the name of a folder in terraform/envs."
  nullable    = false

  validation {
    condition     = contains(["dev", "prod"], var.environment)
    error_message = "environment must be dev or prod."
  }
}

variable "repository" {
  type        = string
  description = "The repository of a Cloud Build connection (a person connects it once, in the console)."
  nullable    = false

  validation {
    condition     = can(regex("^projects/[^/]+/locations/[^/]+/connections/[^/]+/repositories/[^/]+$", var.repository))
    error_message = "repository must be projects/…/locations/…/connections/…/repositories/…: gcloud builds repositories list."
  }
}

variable "branch" {
  type        = string
  description = "The one branch that is delivered."
  nullable    = false
  default     = "main"

  validation {
    condition     = can(regex("^[A-Za-z0-9][A-Za-z0-9._/-]{0,200}$", var.branch)) && !startswith(var.branch, "refs/")
    error_message = "branch must be one branch's name (main), without wildcards and without refs/heads/."
  }
}

variable "account_id" {
  type        = string
  description = "Id of the verifier's service account."
  nullable    = false
  default     = "qs-verifier"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.account_id))
    error_message = "account_id must be 6 to 30 of a-z 0-9 and -, beginning with a letter."
  }
}

variable "deployer" {
  type        = string
  description = "Address of the service account that applies: delivery_identity's."
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]@[a-z][a-z0-9-]{4,28}[a-z0-9]\\.iam\\.gserviceaccount\\.com$", var.deployer))
    error_message = "deployer must be a service account of a project, never a default one."
  }

  validation {
    condition     = !startswith(var.deployer, "${var.account_id}@")
    error_message = "Who verifies must not be who applies: the verifier runs code that nobody has approved yet."
  }
}

variable "approvers" {
  type        = map(string)
  description = "Members that may approve an apply, by a static name."
  nullable    = false

  validation {
    condition     = length(var.approvers) > 0 && alltrue([for member in values(var.approvers) : can(regex("^(user|group):.+", member))])
    error_message = "approvers names at least one user: or group:, people all: a machine that approves is no approval."
  }
}

variable "state_bucket" {
  type        = string
  description = "The bucket with Terraform's state: releases and values lie in it too."
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]$", var.state_bucket))
    error_message = "state_bucket must be a bucket's name."
  }
}

variable "image_repository" {
  type        = object({ location = string, name = string })
  description = "The Artifact Registry repository that images are pushed to."
  nullable    = false
}

variable "marketdata" {
  type        = string
  description = "gs:// folder of the recorded market data that some tests read; null leaves those tests out."
  default     = null

  validation {
    condition     = var.marketdata == null ? true : can(regex("^gs://[a-z0-9][a-z0-9._-]+(/.*)?$", var.marketdata))
    error_message = "marketdata must be gs://bucket/folder, or null."
  }
}
