terraform {
  required_version = ">= 1.11"

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = ">= 7.40, < 9.0"
    }
  }

  # The bucket is named once: terraform init -backend-config=bucket=<project>-tfstate. GCS locks the state while it is used.
  backend "gcs" {
    prefix = "quantsentinel/dev"
  }
}

provider "google" {
  project = var.project_id
  region  = "asia-south1"
}

module "platform" {
  source = "../../modules/platform"

  environment = "dev"
  protected   = false
  map         = jsondecode(file("${path.module}/../../functions.json"))
  indexes     = jsondecode(file("${path.module}/../../indexes.json"))

  project_id          = var.project_id
  project_number      = var.project_number
  serve_image         = var.serve_image
  batch_image         = var.batch_image
  notification_emails = var.notification_emails
  operators           = var.operators
  delivery            = var.delivery
  cloud_build         = var.cloud_build
  budget              = var.budget
  traffic             = var.traffic
  static_egress       = var.static_egress
  margin_broker       = var.margin_broker
  kms_key             = var.kms_key
  settings            = var.settings
  function_settings   = var.function_settings
  database            = var.database
  # Nothing polls a broker in dev unless somebody wants it to.
  schedules_paused = true
}
