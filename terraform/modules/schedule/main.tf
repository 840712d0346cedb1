locals {
  name = "qs-${replace(var.name, "_", "-")}"
}

resource "google_cloud_scheduler_job" "this" {
  project     = var.project_id
  region      = var.region
  name        = local.name
  description = var.topic != null ? "Beats on ${var.topic}" : "Starts the job ${var.name}"
  schedule    = var.cron
  time_zone   = var.time_zone
  paused      = var.paused
  # Only an HTTP target has a deadline of its own.
  attempt_deadline = var.job == null ? null : "180s"

  # A beat that could not be published is published within the minute, or is the next minute's.
  retry_config {
    retry_count          = 3
    min_backoff_duration = "5s"
    max_backoff_duration = "15s"
    max_doublings        = 2
  }

  dynamic "pubsub_target" {
    for_each = var.topic[*]

    content {
      topic_name = "projects/${var.project_id}/topics/${pubsub_target.value}"
      # The time of a beat is when it was published.
      data = base64encode("{}")
    }
  }

  dynamic "http_target" {
    for_each = var.job[*]

    content {
      http_method = "POST"
      uri         = "https://run.googleapis.com/v2/projects/${var.project_id}/locations/${var.region}/jobs/${http_target.value.name}:run"

      oauth_token {
        service_account_email = http_target.value.service_account
      }
    }
  }
}
