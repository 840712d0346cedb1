# What stands on this machine's emulators, made by the modules that make production: `make emulators TERRAFORM=1`.
# Only topics, subscriptions and buckets: no emulator knows Cloud Run, IAM, Scheduler or secrets.
locals {
  map      = jsondecode(file(var.map))
  listened = { for name, row in local.map.functions : name => row.trigger if row.trigger.kind == "pubsub" }
  labels   = { app = "quantsentinel", env = "local" }
}

provider "google" {
  project                 = var.project_id
  region                  = "asia-south1"
  access_token            = "none-is-asked-for"
  pubsub_custom_endpoint  = "http://${var.pubsub}/v1/"
  storage_custom_endpoint = "${var.storage}/storage/v1/"
}

module "topic" {
  source   = "../../terraform/modules/topic"
  for_each = toset([for name, trigger in local.listened : trigger.topic])

  project_id = var.project_id
  name       = each.key
  labels     = local.labels
}

module "subscription" {
  source   = "../../terraform/modules/subscription"
  for_each = local.listened

  project_id    = var.project_id
  name          = each.key
  topic         = module.topic[each.value.topic].name
  row           = each.value.subscription
  push_endpoint = "http://127.0.0.1:${var.ports[each.key]}/"
  protected     = false
  # The emulator refuses more.
  retention_days = 7
  labels         = merge(local.labels, { part = each.key })
}

module "bucket" {
  source   = "../../terraform/modules/bucket"
  for_each = local.map.buckets

  project_id               = var.project_id
  name                     = "${var.project_id}-qs-${each.key}"
  soft_delete_days         = each.value.soft_delete_days
  noncurrent_versions_days = each.value.noncurrent_versions_days
  force_destroy            = true
  labels                   = merge(local.labels, { part = each.key })
}
