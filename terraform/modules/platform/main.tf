resource "google_project_service" "this" {
  for_each = toset(concat([
    "artifactregistry.googleapis.com",
    "cloudbuild.googleapis.com",
    "cloudresourcemanager.googleapis.com",
    "cloudscheduler.googleapis.com",
    "containerscanning.googleapis.com",
    "firebaserules.googleapis.com",
    "firestore.googleapis.com",
    "iam.googleapis.com",
    "iamcredentials.googleapis.com",
    "logging.googleapis.com",
    "monitoring.googleapis.com",
    "pubsub.googleapis.com",
    "run.googleapis.com",
    "secretmanager.googleapis.com",
    "storage.googleapis.com",
    "sts.googleapis.com",
    ],
    var.static_egress == null ? [] : ["compute.googleapis.com"],
    var.budget == null ? [] : ["billingbudgets.googleapis.com"],
    var.cloud_build == null ? [] : ["ondemandscanning.googleapis.com"],
  ))

  project            = var.project_id
  service            = each.key
  disable_on_destroy = false
}

# --- What runs ---
module "function" {
  source   = "../function"
  for_each = local.functions

  project_id     = var.project_id
  project_number = var.project_number
  region         = var.region
  name           = each.key
  row            = each.value
  image          = var.serve_image
  topic          = each.value.trigger.kind == "pubsub" ? module.topic[each.value.trigger.topic].name : null
  publishes      = { for topic in each.value.publishes : topic => module.topic[topic].name }
  env            = local.env[each.key]
  secrets        = { for id in each.value.permissions.secrets : id => "/secrets/${id}" }
  invokers       = lookup({ operators = var.operators, deployer = local.deployer }, coalesce(each.value.trigger.invokers, "nobody"), {})
  network        = contains(try(var.static_egress.functions, []), each.key) ? module.network[0].egress : null
  protected      = var.protected
  traffic        = lookup(var.traffic, each.key, {})
  alert_channels = module.monitoring.channels
  labels         = local.labels

  depends_on = [module.secrets]
}

module "job" {
  source   = "../job"
  for_each = var.map.jobs

  project_id     = var.project_id
  region         = var.region
  name           = each.key
  row            = each.value
  image          = each.value.image == "batch" ? var.batch_image : var.serve_image
  env            = local.env[each.key]
  secrets        = { for id in each.value.permissions.secrets : id => "/secrets/${id}" }
  network        = contains(try(var.static_egress.functions, []), each.key) ? module.network[0].egress : null
  protected      = var.protected
  paused         = var.schedules_paused
  alert_channels = module.monitoring.channels
  labels         = local.labels

  depends_on = [module.secrets]
}

# --- What they are called by ---
module "topic" {
  source   = "../topic"
  for_each = toset([for row in values(local.pushed) : row.trigger.topic])

  project_id = var.project_id
  name       = each.key
  # A day back is as far as a replay of signals makes sense; a beat is worth nothing a minute later.
  retention_s = startswith(each.key, "tick.") ? null : 86400
  labels      = local.labels

  depends_on = [google_project_service.this]
}

module "schedule" {
  source   = "../schedule"
  for_each = local.beating

  project_id = var.project_id
  region     = var.region
  name       = each.key
  cron       = each.value.trigger.schedule
  time_zone  = each.value.trigger.time_zone
  topic      = module.topic[each.value.trigger.topic].name
  paused     = var.schedules_paused
}

module "network" {
  source = "../network"
  count  = var.static_egress == null ? 0 : 1

  project_id = var.project_id
  region     = var.region
  addresses  = var.static_egress.addresses
  protected  = var.protected
  labels     = local.labels

  depends_on = [google_project_service.this]
}

# --- What they keep ---
module "documents" {
  source = "../documents"

  project_id      = var.project_id
  database        = var.database
  location        = var.region
  protected       = var.protected
  kms_key         = var.kms_key
  ttl_collections = var.indexes.expiring
  indexes         = var.indexes.composite
  readers         = { for name, row in local.runs : name => local.members[name] if row.permissions.documents == "read" }
  writers         = { for name, row in local.runs : name => local.members[name] if row.permissions.documents == "write" }

  depends_on = [google_project_service.this]
}

module "bucket" {
  source   = "../bucket"
  for_each = var.map.buckets

  project_id               = var.project_id
  name                     = "${var.project_id}-qs-${each.key}"
  location                 = var.region
  protected                = var.protected
  force_destroy            = !var.protected
  soft_delete_days         = each.value.soft_delete_days
  noncurrent_versions_days = each.value.noncurrent_versions_days
  nearline_after_days      = each.value.nearline_after_days
  # A retention would keep an environment that is torn down.
  retention_days   = var.protected ? each.value.retention_days : null
  retention_locked = var.protected && each.value.retention_locked_in_prod
  kms_key          = var.kms_key
  labels           = merge(local.labels, { part = each.key })
  readers          = { for name, row in local.runs : name => local.members[name] if contains(["read", "create"], lookup(row.permissions.objects, each.key, "")) }
  creators         = { for name, row in local.runs : name => local.members[name] if lookup(row.permissions.objects, each.key, "") == "create" }
  writers          = { for name, row in local.runs : name => local.members[name] if lookup(row.permissions.objects, each.key, "") == "write" }

  depends_on = [google_project_service.this]
}

module "secrets" {
  source = "../secrets"

  project_id = var.project_id
  regions    = [var.region]
  secrets    = var.map.secrets
  adders     = var.operators
  protected  = var.protected
  labels     = local.labels

  depends_on = [google_project_service.this]
}

# --- Where they come from, who brings them, who watches ---
module "images" {
  source = "../images"

  project_id = var.project_id
  region     = var.region
  protected  = var.protected
  kms_key    = var.kms_key
  labels     = merge(local.labels, { part = "images" })

  depends_on = [google_project_service.this]
}

module "monitoring" {
  source = "../monitoring"

  project_id          = var.project_id
  notification_emails = var.notification_emails
  budget = var.budget == null ? null : {
    billing_account = var.budget.billing_account
    project_number  = var.project_number
    amount          = var.budget.amount
    currency        = var.budget.currency
  }
  labels    = merge(local.labels, { part = "monitoring" })
  heartbeat = { expected = !var.schedules_paused }
  functions = { for name, row in var.map.functions : name => {
    service                  = module.function[name].service
    subscription             = module.function[name].subscription
    dead_letter_subscription = module.function[name].dead_letter_subscription
    max_instances            = row.max_instances
    timeout_s                = row.timeout_s
  } }

  depends_on = [google_project_service.this]
}

module "delivery_identity" {
  source = "../delivery_identity"
  count  = var.delivery == null ? 0 : 1

  project_id       = var.project_id
  project_number   = var.project_number
  repository       = var.delivery.repository
  repository_id    = var.delivery.repository_id
  branch           = var.delivery.branch
  may_apply        = var.delivery.may_apply
  extra_roles      = local.option_roles
  state_bucket     = var.delivery.state_bucket
  image_repository = { location = var.region, name = module.images.name }
  services         = { for name, made in module.function : name => { location = var.region, name = made.service } }
  jobs             = { for name, made in module.job : name => { location = var.region, name = made.job } }
  accounts         = { for name, address in local.accounts : name => "projects/${var.project_id}/serviceAccounts/${address}" }
}

module "triggers" {
  source = "../triggers"
  count  = var.cloud_build == null ? 0 : 1

  project_id       = var.project_id
  region           = var.region
  environment      = var.environment
  repository       = var.cloud_build.repository
  branch           = var.delivery.branch
  deployer         = module.delivery_identity[0].service_account
  approvers        = var.cloud_build.approvers
  state_bucket     = var.delivery.state_bucket
  image_repository = { location = var.region, name = module.images.name }
  marketdata       = var.cloud_build.marketdata

  depends_on = [google_project_service.this]
}

locals {
  # The deployer acts as what it deploys: the accounts of functions and jobs, of their pushes and of their schedules.
  accounts = merge(
    { for name, made in module.function : name => made.service_account },
    { for name, made in module.job : name => made.service_account },
    { for name, row in local.pushed : "${name} push" => module.function[name].push_account },
    { for name, made in module.job : "${name} beat" => made.beat_account },
  )
  # One output of one instance: the module as a whole waits for the functions.
  deployer = var.delivery == null ? {} : { deployer = "serviceAccount:${module.delivery_identity[0].service_account}" }
}
