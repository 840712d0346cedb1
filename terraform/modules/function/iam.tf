# --- Its own account, and what that may do ---
resource "google_service_account" "this" {
  project      = var.project_id
  account_id   = local.service
  display_name = "Function ${var.name}"
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

resource "google_pubsub_topic_iam_member" "publisher" {
  for_each = var.publishes

  project = var.project_id
  topic   = each.value
  role    = "roles/pubsub.publisher"
  member  = google_service_account.this.member
}

# --- Who may call it ---
resource "google_cloud_run_v2_service_iam_member" "invoker" {
  for_each = var.invokers

  project  = var.project_id
  location = var.region
  name     = google_cloud_run_v2_service.this.name
  role     = "roles/run.invoker"
  member   = each.value
}

# The identity of this one push: it may call this service and nothing else.
resource "google_service_account" "push" {
  count = local.is_pushed ? 1 : 0

  project      = var.project_id
  account_id   = "${local.service}-push"
  display_name = "Push to ${var.name}"
  description  = "Pub/Sub calls ${local.service} as this account, which may do nothing else"
}

resource "google_cloud_run_v2_service_iam_member" "push" {
  count = local.is_pushed ? 1 : 0

  project  = var.project_id
  location = var.region
  name     = google_cloud_run_v2_service.this.name
  role     = "roles/run.invoker"
  member   = google_service_account.push[0].member
}

resource "google_service_account_iam_member" "push_token" {
  count = local.is_pushed ? 1 : 0

  service_account_id = google_service_account.push[0].name
  role               = "roles/iam.serviceAccountOpenIdTokenCreator"
  member             = local.pubsub
}
