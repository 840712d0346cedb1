locals {
  services = sort([for function in values(var.functions) : function.service])
  of_us    = "resource.type=\"cloud_run_revision\" AND resource.labels.service_name=(${join(" OR ", [for service in local.services : "\"${service}\""])})"
}

# The project's own log bucket, which keeps 30 days unless it is told. What must be kept for years is no log line: decisions
# and audit roots have their buckets.
resource "google_logging_project_bucket_config" "default" {
  project        = var.project_id
  location       = "global"
  bucket_id      = "_Default"
  retention_days = var.log_retention_days
}

# One line a change, written by `announce` when it hears of it (app/announce.py).
resource "google_logging_metric" "switch_tripped" {
  project     = var.project_id
  name        = "quantsentinel/switch_tripped"
  description = "Kill switches that were pulled, by people or by the system"
  filter      = "${local.of_us} AND labels.alarm=\"kill_switch\" AND labels.state=\"on\""

  metric_descriptor {
    metric_kind  = "DELTA"
    value_type   = "INT64"
    unit         = "1"
    display_name = "Switches pulled"

    labels {
      key         = "kind"
      value_type  = "STRING"
      description = "What the switch stops: master, symbol, daily_loss …"
    }
  }

  label_extractors = { kind = "EXTRACT(labels.kind)" }
}

# Broken: somebody has to look (errors.py).
resource "google_logging_metric" "critical" {
  project     = var.project_id
  name        = "quantsentinel/critical"
  description = "Log lines of severity CRITICAL: the platform halted something because it no longer understands its own state"
  filter      = "${local.of_us} AND severity>=CRITICAL"

  metric_descriptor {
    metric_kind  = "DELTA"
    value_type   = "INT64"
    unit         = "1"
    display_name = "Critical log lines"
  }
}

resource "google_logging_metric" "scheduler_failures" {
  project     = var.project_id
  name        = "quantsentinel/scheduler_failures"
  description = "Attempts of Cloud Scheduler that failed"
  filter      = "resource.type=\"cloud_scheduler_job\" AND severity>=ERROR"

  metric_descriptor {
    metric_kind  = "DELTA"
    value_type   = "INT64"
    unit         = "1"
    display_name = "Failed schedules"

    labels {
      key         = "schedule"
      value_type  = "STRING"
      description = "The job's name"
    }
  }

  label_extractors = { schedule = "EXTRACT(resource.labels.job_id)" }
}

# Told by the heartbeat at 30, 14, 7, 3 and 1 days before the end, and daily after it (app/token_watch.py).
resource "google_logging_metric" "token_expiry" {
  project     = var.project_id
  name        = "quantsentinel/token_expiry"
  description = "The broker's token ends soon, or has ended"
  filter      = "${local.of_us} AND labels.alarm=\"token_expiry\""

  metric_descriptor {
    metric_kind  = "DELTA"
    value_type   = "INT64"
    unit         = "1"
    display_name = "Countdown of the broker's token"
  }
}
