variable "project_id" {
  type        = string
  description = "The project's id on the emulators."
  nullable    = false

  validation {
    condition     = startswith(var.project_id, "local-")
    error_message = "project_id must begin with local-: these endpoints belong to emulators, and so does the project."
  }
}

variable "map" {
  type        = string
  description = "Path of terraform/functions.json."
  nullable    = false

  validation {
    condition     = can(jsondecode(file(var.map)).functions)
    error_message = "map must name the map of functions, terraform/functions.json."
  }
}

variable "pubsub" {
  type        = string
  description = "Where the Pub/Sub emulator listens, host:port."
  nullable    = false

  validation {
    condition     = can(regex("^127\\.0\\.0\\.1:[0-9]+$", var.pubsub))
    error_message = "pubsub must be 127.0.0.1:PORT: nothing but an emulator of this machine is applied to."
  }
}

variable "storage" {
  type        = string
  description = "Where fake-gcs-server listens, http://host:port."
  nullable    = false

  validation {
    condition     = can(regex("^http://127\\.0\\.0\\.1:[0-9]+$", var.storage))
    error_message = "storage must be http://127.0.0.1:PORT: nothing but an emulator of this machine is applied to."
  }
}

variable "ports" {
  type        = map(number)
  description = "On which port of this machine each listening function is pushed to."
  nullable    = false
}
