variable "project_id" {
  type        = string
  description = "The project that owns the network."
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project_id))
    error_message = "project_id must be a project's id: 6 to 30 of a-z 0-9 and -, beginning with a letter."
  }
}

variable "region" {
  type        = string
  description = "Region of the subnetwork and of the address."
  nullable    = false
  default     = "asia-south1"

  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]{1,2}$", var.region))
    error_message = "region must be a Google Cloud region in small letters, as asia-south1."
  }
}

variable "name" {
  type        = string
  description = "Name of the network; subnetwork, router, NAT and address are called after it."
  nullable    = false
  default     = "qs-egress"

  validation {
    condition     = can(regex("^[a-z]([a-z0-9-]{0,50}[a-z0-9])?$", var.name))
    error_message = "A network's name must be 1 to 52 of a-z 0-9 and -, begin with a letter and not end with -."
  }
}

variable "cidr" {
  type        = string
  description = "Addresses of the subnetwork: every instance takes one, and a revision's successor overlaps with it."
  nullable    = false
  default     = "10.70.0.0/22"

  validation {
    condition     = can(cidrnetmask(var.cidr)) && can(regex("^(10[.]|172[.](1[6-9]|2[0-9]|3[01])[.]|192[.]168[.])", var.cidr)) && try(tonumber(split("/", var.cidr)[1]) <= 26, false)
    error_message = "cidr must be a private IPv4 range of at least /26 (Cloud Run's least for direct egress), as 10.70.0.0/22."
  }
}

variable "addresses" {
  type        = number
  description = "How many static addresses share the egress."
  nullable    = false
  default     = 1

  validation {
    condition     = var.addresses >= 1 && var.addresses <= 16 && floor(var.addresses) == var.addresses
    error_message = "addresses must be a whole number from 1 to 16: a broker's allow-list is short."
  }
}

variable "labels" {
  type        = map(string)
  description = "Labels of the addresses; `part` is added."
  nullable    = false
  default     = {}

  validation {
    condition     = alltrue([for key, value in var.labels : can(regex("^[a-z][a-z0-9_-]{0,62}$", key)) && can(regex("^[a-z0-9_-]{0,63}$", value))])
    error_message = "Label keys and values hold at most 63 of a-z 0-9 _ and -, keys begin with a letter."
  }
}

variable "protected" {
  type        = bool
  description = "Whether Terraform refuses to release the addresses: a broker has them on its allow-list."
  nullable    = false
  default     = true
}
