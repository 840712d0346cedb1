locals {
  name     = "quantsentinel-${var.environment}"
  verifier = "serviceAccount:${var.account_id}@${var.project_id}.iam.gserviceaccount.com"
  deployer = "serviceAccount:${var.deployer}"

  substitutions = {
    _ENV    = var.environment
    _REGION = var.region
    _BUCKET = var.state_bucket
  }
}

# Every push to the branch: what cloudbuild.yaml calls verify. It builds, tests and plans; it changes nothing that runs.
resource "google_cloudbuild_trigger" "verify" {
  project         = var.project_id
  location        = var.region
  name            = "${local.name}-verify"
  description     = "Lint, tests with emulators, images, scan, plan: a release by digest"
  filename        = "cloudbuild.yaml"
  service_account = google_service_account.verifier.id
  tags            = ["quantsentinel", var.environment, "verify"]
  substitutions   = merge(local.substitutions, { _STAGE = "verify" }, var.marketdata == null ? {} : { _MARKETDATA = var.marketdata })

  repository_event_config {
    repository = var.repository

    push {
      branch = "^${replace(var.branch, ".", "\\.")}$"
    }
  }

  depends_on = [google_storage_bucket_iam_member.reads]
}

# By hand, for one release, and only after somebody else's approval. The person names the release when starting it.
resource "google_cloudbuild_trigger" "apply" {
  project         = var.project_id
  location        = var.region
  name            = "${local.name}-apply"
  description     = "Applies the approved plan of one release, then has the deployment test itself"
  service_account = "projects/${var.project_id}/serviceAccounts/${var.deployer}"
  tags            = ["quantsentinel", var.environment, "apply"]
  substitutions   = merge(local.substitutions, { _STAGE = "apply", _RELEASE = "none" })

  source_to_build {
    repository = var.repository
    ref        = "refs/heads/${var.branch}"
    repo_type  = "GITHUB"
  }

  git_file_source {
    path       = "cloudbuild.yaml"
    repository = var.repository
    revision   = "refs/heads/${var.branch}"
    repo_type  = "GITHUB"
  }

  approval_config {
    approval_required = true
  }
}
