locals {
  trusted_ref = "${var.issuer.ref_prefix}${var.branch}"

  conditions = concat(
    ["assertion.${var.issuer.repository} == '${var.repository}'", "assertion.${var.issuer.ref} == '${local.trusted_ref}'"],
    var.repository_id == null ? [] : ["assertion.${var.issuer.repository_id} == '${var.repository_id}'"],
  )

  pool = "projects/${var.project_number}/locations/global/workloadIdentityPools/${var.pool_id}"
}

resource "google_iam_workload_identity_pool" "ci" {
  project                   = var.project_id
  workload_identity_pool_id = var.pool_id
  display_name              = "Quantsentinel delivery"
  description               = "Pipelines that deliver without a key"
}

resource "google_iam_workload_identity_pool_provider" "ci" {
  project                            = var.project_id
  workload_identity_pool_id          = google_iam_workload_identity_pool.ci.workload_identity_pool_id
  workload_identity_pool_provider_id = var.provider_id
  display_name                       = "Delivery of one branch"
  description                        = "One repository, one branch"
  attribute_condition                = join(" && ", local.conditions)

  attribute_mapping = {
    "google.subject"       = "assertion.sub"
    "attribute.repository" = "assertion.${var.issuer.repository}"
    "attribute.ref"        = "assertion.${var.issuer.ref}"
  }

  oidc {
    issuer_uri        = var.issuer.uri
    allowed_audiences = var.issuer.audiences
  }
}

resource "google_service_account" "deployer" {
  project      = var.project_id
  account_id   = var.account_id
  display_name = "Delivers Quantsentinel"
  description  = "Used by the pipeline through workload identity federation; it has no keys"
}

resource "google_service_account_iam_member" "federated" {
  service_account_id = google_service_account.deployer.name
  role               = "roles/iam.workloadIdentityUser"
  member             = "principalSet://iam.googleapis.com/${local.pool}/attribute.repository/${var.repository}"

  depends_on = [google_iam_workload_identity_pool.ci]
}
