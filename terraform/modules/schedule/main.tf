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

resource "google_monitoring_alert_policy" "failed" {
  project               = var.project_id
  display_name          = "${var.name}: the schedule could not beat"
  combiner              = "OR"
  severity              = "ERROR"
  notification_channels = var.alert_channels
  user_labels           = merge(var.labels, { part = var.name })

  conditions {
    display_name = "Cloud Scheduler logs an error"

    condition_matched_log {
      filter = "resource.type=\"cloud_scheduler_job\" AND resource.labels.job_id=\"${local.name}\" AND severity>=ERROR"
    }
  }

  alert_strategy {
    auto_close = "3600s"

    notification_rate_limit {
      period = "900s"
    }
  }

  documentation {
    content = "The beat of ${var.name} did not reach its target: its topic, its job or their permissions. docs/runbook.md says how to look."
  }
}
