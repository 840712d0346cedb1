# --- Its own account, and what that may do ---
resource "google_service_account" "this" {
  project      = var.project_id
  account_id   = local.job
  display_name = "Job ${var.name}"
  description  = var.row.description
}

resource "google_secret_manager_secret_iam_member" "reader" {
  for_each = toset(var.row.permissions.secrets)

  project   = var.project_id
  secret_id = each.key
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.this.member
}

resource "google_secret_manager_secret_iam_member" "adder" {
  for_each = toset(var.row.permissions.secret_versions_added)

  project   = var.project_id
  secret_id = each.key
  role      = "roles/secretmanager.secretVersionAdder"
  member    = google_service_account.this.member
}

# --- Who may start it: its schedule, with an account that may do nothing else ---
resource "google_service_account" "beat" {
  project      = var.project_id
  account_id   = "${local.job}-beat"
  display_name = "Schedule of ${var.name}"
  description  = "Cloud Scheduler starts ${local.job} as this account, which may do nothing else"
}

resource "google_cloud_run_v2_job_iam_member" "beat" {
  project  = var.project_id
  location = var.region
  name     = google_cloud_run_v2_job.this.name
  role     = "roles/run.invoker"
  member   = google_service_account.beat.member
}
