locals {
  # By name rather than by the resource's attribute: known at plan time, and in every test.
  deployer = "serviceAccount:${var.account_id}@${var.project_id}.iam.gserviceaccount.com"

  # What applying this configuration creates and changes. Not among them: workload identity pools (the deployer cannot
  # change whom it trusts), service account keys, and any primitive role.
  apply_roles = toset(!var.may_apply ? [] : [
    "roles/artifactregistry.admin",
    "roles/cloudscheduler.admin",
    "roles/datastore.owner",
    "roles/firebaserules.admin",
    "roles/iam.serviceAccountAdmin",
    "roles/iam.workloadIdentityPoolViewer",
    "roles/logging.configWriter",
    "roles/monitoring.editor",
    "roles/pubsub.admin",
    "roles/run.admin",
    "roles/secretmanager.admin",
    "roles/serviceusage.serviceUsageAdmin",
    "roles/storage.admin",
  ])
}

resource "google_cloud_run_v2_service_iam_member" "deployer" {
  for_each = var.services

  project  = var.project_id
  location = each.value.location
  name     = each.value.name
  role     = "roles/run.developer"
  member   = local.deployer

  depends_on = [google_service_account.deployer]
}

resource "google_cloud_run_v2_job_iam_member" "deployer" {
  for_each = var.jobs

  project  = var.project_id
  location = each.value.location
  name     = each.value.name
  role     = "roles/run.developer"
  member   = local.deployer

  depends_on = [google_service_account.deployer]
}

# A new revision runs as its function's account: whoever deploys it must be allowed to act as that account.
resource "google_service_account_iam_member" "acts_as" {
  for_each = var.accounts

  service_account_id = each.value
  role               = "roles/iam.serviceAccountUser"
  member             = local.deployer

  depends_on = [google_service_account.deployer]
}

resource "google_artifact_registry_repository_iam_member" "deployer" {
  for_each = var.image_repository == null ? {} : { images = var.image_repository }

  project    = var.project_id
  location   = each.value.location
  repository = each.value.name
  role       = "roles/artifactregistry.writer"
  member     = local.deployer

  depends_on = [google_service_account.deployer]
}

resource "google_storage_bucket_iam_member" "state" {
  for_each = var.state_bucket == null ? {} : { state = var.state_bucket }

  bucket = each.value
  role   = "roles/storage.objectUser"
  member = local.deployer

  depends_on = [google_service_account.deployer]
}

resource "google_project_iam_member" "apply" {
  for_each = setunion(local.apply_roles, var.may_apply ? var.extra_roles : [])

  project = var.project_id
  role    = each.value
  member  = local.deployer

  depends_on = [google_service_account.deployer]
}

# Firestore's members are bound at the project: the deployer may set these bindings and no others.
resource "google_project_iam_member" "grants" {
  for_each = var.may_apply ? { grants = join(", ", [for role in sort(var.grantable_roles) : "'${role}'"]) } : {}

  project = var.project_id
  role    = "roles/resourcemanager.projectIamAdmin"
  member  = local.deployer

  condition {
    title       = "only_named_roles"
    description = "Grants and revokes the roles of the documents module only"
    expression  = "api.getAttribute('iam.googleapis.com/modifiedGrantsByRole', []).hasOnly([${each.value}])"
  }

  depends_on = [google_service_account.deployer]
}
