# --- Who verifies: an account of its own, because it runs whatever stands on the branch before anybody has looked ---
resource "google_service_account" "verifier" {
  project      = var.project_id
  account_id   = var.account_id
  display_name = "Verifies Quantsentinel"
  description  = "Builds, tests, scans and plans; it reads what runs and changes nothing of it"
}

# Reading what stands is what a plan needs.
resource "google_project_iam_member" "verifier" {
  for_each = toset([
    "roles/artifactregistry.reader",
    "roles/cloudscheduler.viewer",
    "roles/firebaserules.viewer",
    "roles/iam.securityReviewer",
    "roles/iam.workloadIdentityPoolViewer",
    "roles/logging.logWriter",
    "roles/logging.viewer",
    "roles/monitoring.viewer",
    "roles/ondemandscanning.admin",
    "roles/pubsub.viewer",
    "roles/run.viewer",
    "roles/secretmanager.viewer",
    "roles/serviceusage.serviceUsageViewer",
  ])

  project = var.project_id
  role    = each.key
  member  = local.verifier

  depends_on = [google_service_account.verifier]
}

# roles/datastore.viewer and roles/storage.objectViewer would read what tenants own: a plan only needs to know how the
# database and the buckets are set.
resource "google_project_iam_custom_role" "reads_settings" {
  project     = var.project_id
  role_id     = replace("${var.account_id}_reads_settings", "-", "_")
  title       = "Reads how documents and buckets are set"
  description = "No document and no object"
  permissions = [
    "datastore.backupSchedules.get",
    "datastore.backupSchedules.list",
    "datastore.databases.getMetadata",
    "datastore.databases.list",
    "datastore.indexes.get",
    "datastore.indexes.list",
    "storage.buckets.get",
  ]
}

resource "google_project_iam_member" "reads_settings" {
  project = var.project_id
  role    = "projects/${var.project_id}/roles/${google_project_iam_custom_role.reads_settings.role_id}"
  member  = local.verifier

  depends_on = [google_service_account.verifier]
}

resource "google_artifact_registry_repository_iam_member" "verifier" {
  project    = var.project_id
  location   = var.image_repository.location
  repository = var.image_repository.name
  role       = "roles/artifactregistry.writer"
  member     = local.verifier

  depends_on = [google_service_account.verifier]
}

resource "google_storage_bucket_iam_member" "reads" {
  bucket = var.state_bucket
  role   = "roles/storage.objectViewer"
  member = local.verifier

  depends_on = [google_service_account.verifier]
}

# It adds releases and can never write over one; the state and what is in production are not its to write.
resource "google_storage_bucket_iam_member" "adds_releases" {
  bucket = var.state_bucket
  role   = "roles/storage.objectCreator"
  member = local.verifier

  condition {
    title       = "releases_only"
    description = "New objects below releases/"
    expression  = "resource.name.startsWith('projects/_/buckets/${var.state_bucket}/objects/releases/')"
  }

  depends_on = [google_service_account.verifier]
}

resource "google_storage_bucket_iam_member" "locks" {
  bucket = var.state_bucket
  role   = "roles/storage.objectUser"
  member = local.verifier

  condition {
    title       = "lock_only"
    description = "The lock that a plan holds while it reads the state"
    expression  = "resource.name == 'projects/_/buckets/${var.state_bucket}/objects/quantsentinel/${var.environment}/default.tflock'"
  }

  depends_on = [google_service_account.verifier]
}

# --- Who applies: the deployer, who needs to see that its build was approved ---
resource "google_project_iam_member" "deployer" {
  for_each = toset(["roles/cloudbuild.builds.viewer", "roles/logging.logWriter"])

  project = var.project_id
  role    = each.key
  member  = local.deployer
}

# --- Who approves ---
resource "google_project_iam_member" "approver" {
  for_each = var.approvers

  project = var.project_id
  role    = "roles/cloudbuild.builds.approver"
  member  = each.value
}
