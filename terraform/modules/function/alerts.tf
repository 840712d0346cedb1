locals {
  runbook = "docs/runbook.md"
  of_run  = "resource.type = \"cloud_run_revision\" AND resource.labels.service_name = \"${local.service}\""
  of_bus  = "resource.type = \"pubsub_subscription\" AND metric.type = \"pubsub.googleapis.com/subscription"
}

resource "google_monitoring_alert_policy" "errors" {
  project               = var.project_id
  display_name          = "${var.name}: more than one answer in five is 5xx"
  combiner              = "OR"
  severity              = "ERROR"
  notification_channels = var.alert_channels
  user_labels           = local.labels

  conditions {
    display_name = "5xx ratio over 5 minutes"

    condition_threshold {
      filter             = "${local.of_run} AND metric.type = \"run.googleapis.com/request_count\" AND metric.labels.response_code_class = \"5xx\""
      denominator_filter = "${local.of_run} AND metric.type = \"run.googleapis.com/request_count\""
      comparison         = "COMPARISON_GT"
      threshold_value    = 0.2
      duration           = "300s"

      aggregations {
        alignment_period     = "300s"
        per_series_aligner   = "ALIGN_RATE"
        cross_series_reducer = "REDUCE_SUM"
      }

      denominator_aggregations {
        alignment_period     = "300s"
        per_series_aligner   = "ALIGN_RATE"
        cross_series_reducer = "REDUCE_SUM"
      }
    }
  }

  documentation {
    content = "500 is our error, 503 asks for the message again: read the log of ${local.service}, then ${local.runbook} (poisoned queue)."
  }
}

# A function that never has more than one instance is at its maximum whenever it works.
resource "google_monitoring_alert_policy" "at_max" {
  count = var.row.max_instances > 1 ? 1 : 0

  project               = var.project_id
  display_name          = "${var.name}: all ${var.row.max_instances} instances are busy"
  combiner              = "OR"
  severity              = "WARNING"
  notification_channels = var.alert_channels
  user_labels           = local.labels

  conditions {
    display_name = "Instances at their maximum for 5 minutes"

    condition_threshold {
      filter          = "${local.of_run} AND metric.type = \"run.googleapis.com/container/instance_count\" AND metric.labels.state = \"active\""
      comparison      = "COMPARISON_GT"
      threshold_value = var.row.max_instances - 0.5
      duration        = "300s"

      aggregations {
        alignment_period     = "60s"
        per_series_aligner   = "ALIGN_MAX"
        cross_series_reducer = "REDUCE_SUM"
      }
    }
  }

  documentation {
    content = "More work arrives than ${var.row.max_instances} instances do: raise max_instances in terraform/functions.json, or see QUOTAS.md."
  }
}

resource "google_monitoring_alert_policy" "dead_letters" {
  count = local.is_pushed ? 1 : 0

  project               = var.project_id
  display_name          = "${var.name}: messages in the dead letter"
  combiner              = "OR"
  severity              = "CRITICAL"
  notification_channels = var.alert_channels
  user_labels           = local.labels

  conditions {
    display_name = "Dead-letter depth above 0"

    condition_threshold {
      filter          = "${local.of_bus}/num_undelivered_messages\" AND resource.labels.subscription_id = \"${local.dead}\""
      comparison      = "COMPARISON_GT"
      threshold_value = 0
      duration        = "0s"

      aggregations {
        alignment_period   = "60s"
        per_series_aligner = "ALIGN_MAX"
      }
    }
  }

  documentation {
    content = "${var.row.trigger.subscription.max_delivery_attempts} attempts failed: ${local.runbook} (poisoned queue) says how to look at it and how to publish it again."
  }
}

resource "google_monitoring_alert_policy" "oldest_unacked" {
  count = local.is_pushed ? 1 : 0

  project               = var.project_id
  display_name          = "${var.name}: messages wait for more than ${var.oldest_unacked_s} s"
  combiner              = "OR"
  severity              = "ERROR"
  notification_channels = var.alert_channels
  user_labels           = local.labels

  conditions {
    display_name = "Age of the oldest unacknowledged message"

    condition_threshold {
      filter          = "${local.of_bus}/oldest_unacked_message_age\" AND resource.labels.subscription_id = \"${var.name}\""
      comparison      = "COMPARISON_GT"
      threshold_value = var.oldest_unacked_s
      duration        = "60s"

      aggregations {
        alignment_period   = "60s"
        per_series_aligner = "ALIGN_MAX"
      }
    }
  }

  documentation {
    content = "The function fails, is missing or is too slow: read the log of ${local.service}, then ${local.runbook} (poisoned queue)."
  }
}
