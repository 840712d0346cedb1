locals {
  # Google's own pairs (SRE workbook, chapter 5): 2 % of a month's budget within an hour, 5 % within six; the short
  # window ends the alert soon after the burning ends.
  burns = {
    fast = { long = "3600s", short = "300s", rate = 14.4, severity = "CRITICAL" }
    slow = { long = "21600s", short = "1800s", rate = 6, severity = "WARNING" }
  }

  burn_alerts = merge([for name, slo in var.slos : { for speed, burn in local.burns : "${name}_${speed}" => merge(burn, { slo = name, speed = speed }) }]...)
}

resource "google_monitoring_custom_service" "quantsentinel" {
  project      = var.project_id
  service_id   = "quantsentinel"
  display_name = "Quantsentinel"
  user_labels  = var.labels
}

resource "google_monitoring_slo" "this" {
  for_each = var.slos

  project             = var.project_id
  service             = google_monitoring_custom_service.quantsentinel.service_id
  slo_id              = replace(each.key, "_", "-")
  display_name        = "${each.value.function}: ${each.value.goal * 100} % ${each.value.kind == "latency" ? "within ${each.value.threshold_ms} ms" : "answered"}"
  goal                = each.value.goal
  rolling_period_days = each.value.rolling_days
  user_labels         = var.labels

  request_based_sli {
    dynamic "good_total_ratio" {
      for_each = each.value.kind == "availability" ? [var.functions[each.value.function].service] : []

      content {
        good_service_filter  = "metric.type=\"run.googleapis.com/request_count\" AND resource.type=\"cloud_run_revision\" AND resource.labels.service_name=\"${good_total_ratio.value}\" AND metric.labels.response_code_class=\"2xx\""
        total_service_filter = "metric.type=\"run.googleapis.com/request_count\" AND resource.type=\"cloud_run_revision\" AND resource.labels.service_name=\"${good_total_ratio.value}\""
      }
    }

    dynamic "distribution_cut" {
      for_each = each.value.kind == "latency" ? [var.functions[each.value.function].service] : []

      content {
        distribution_filter = "metric.type=\"run.googleapis.com/request_latencies\" AND resource.type=\"cloud_run_revision\" AND resource.labels.service_name=\"${distribution_cut.value}\""

        range {
          max = each.value.threshold_ms
        }
      }
    }
  }
}

# Both windows must burn: the long one so that a blip tells nobody, the short one so that it is still going on.
resource "google_monitoring_alert_policy" "burn" {
  for_each = local.burn_alerts

  project               = var.project_id
  display_name          = "Quantsentinel: ${each.value.slo} burns its budget ${each.value.speed == "fast" ? "within two days" : "within five days"}"
  combiner              = "AND"
  severity              = each.value.severity
  notification_channels = local.channels
  user_labels           = var.labels

  dynamic "conditions" {
    for_each = [each.value.long, each.value.short]

    content {
      display_name = "Burn rate over ${conditions.value}"

      condition_threshold {
        filter          = "select_slo_burn_rate(\"${google_monitoring_slo.this[each.value.slo].name}\", \"${conditions.value}\")"
        comparison      = "COMPARISON_GT"
        threshold_value = each.value.rate
        duration        = "0s"
      }
    }
  }

  alert_strategy {
    auto_close = "3600s"
  }

  documentation {
    mime_type = "text/markdown"
    content   = "Objective `${each.value.slo}` of `${var.slos[each.value.slo].function}`: the dashboard shows since when; then ${local.runbook}."
  }
}
