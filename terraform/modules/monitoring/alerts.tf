# Dead letters, waiting messages, errors and full instances are told by each function's own module.
# PromQL throughout: it can ask for the hour, and for a metric that has not been written yet.
locals {
  runbook = "docs/runbook.md"

  # Scopes of switches (risk/kill_state.py): these stop more than one tenant.
  wide_switches = ["master", "exchange", "broker", "symbol", "stale_data", "model_staleness"]

  switches  = "logging_googleapis_com:user_quantsentinel_switch_tripped{monitored_resource=\"cloud_run_revision\""
  critical  = "logging_googleapis_com:user_quantsentinel_critical{monitored_resource=\"cloud_run_revision\"}"
  schedules = "logging_googleapis_com:user_quantsentinel_scheduler_failures{monitored_resource=\"cloud_scheduler_job\"}"
  tokens    = "logging_googleapis_com:user_quantsentinel_token_expiry{monitored_resource=\"cloud_run_revision\"}"
  beats     = "run_googleapis_com:request_count{monitored_resource=\"cloud_run_revision\", service_name=\"${var.functions[var.heartbeat.function].service}\", response_code_class=\"2xx\"}"

  # Minutes of the day in UTC between which the beats of the whole window before must be there. IST has no summer time.
  silent     = var.heartbeat.silent_minutes
  beats_from = var.heartbeat.first_hour_ist * 60 - 330 + local.silent
  beats_to   = (var.heartbeat.last_hour_ist + 1) * 60 - 330

  policies = {
    heartbeat = {
      title    = "No heartbeat for ${local.silent} minutes"
      severity = "CRITICAL"
      query    = "(sum(increase(${local.beats}[${local.silent}m])) or vector(0)) < 1 and on() (hour() * 60 + minute() >= ${local.beats_from}) and on() (hour() * 60 + minute() < ${local.beats_to})"
      text     = "Scheduler, topic, subscription or function of the heartbeat stands still, and probably all else. It is asked for between ${var.heartbeat.first_hour_ist}:00 and ${var.heartbeat.last_hour_ist}:59 IST only."
    }
    wide_switch = {
      title    = "A switch was pulled that stops more than one tenant"
      severity = "CRITICAL"
      query    = "sum by (kind) (increase(${local.switches}, kind=~\"${join("|", local.wide_switches)}\"}[5m])) > 0"
      text     = "`qs kill list` says which, who and why. Entries are stopped; exits and reductions go on."
    }
    tenant_switches = {
      title    = "More than ${var.tenant_switches} tenants' own switches within 10 minutes"
      severity = "WARNING"
      query    = "sum(increase(${local.switches}, kind!~\"${join("|", local.wide_switches)}\"}[10m])) > ${var.tenant_switches}"
      text     = "Each tenant has been told. So many at once speak of the market or of a wrong price: `qs kill list`."
    }
    critical = {
      title    = "Something is broken and halted"
      severity = "CRITICAL"
      query    = "sum by (service_name) (increase(${local.critical}[5m])) > 0"
      text     = "The line says what is wrong, where, and what to do: look for severity CRITICAL in the service's log."
    }
    token = {
      title    = "The broker's token ends soon"
      severity = "ERROR"
      query    = "sum(increase(${local.tokens}[10m])) > 0"
      text     = "Without it nothing is polled and no entry is offered: rotate the broker's token."
    }
    scheduler = {
      title    = "A schedule failed"
      severity = "ERROR"
      query    = "sum by (schedule) (increase(${local.schedules}[10m])) > 0"
      text     = "Cloud Scheduler could not publish or call: its service account, topic or address is not as it was."
    }
  }
}

resource "google_monitoring_alert_policy" "platform" {
  for_each = local.policies

  project               = var.project_id
  display_name          = "Quantsentinel: ${each.value.title}"
  combiner              = "OR"
  enabled               = each.key == "heartbeat" ? var.heartbeat.expected : true
  severity              = each.value.severity
  notification_channels = local.channels
  user_labels           = var.labels

  conditions {
    display_name = each.value.title

    condition_prometheus_query_language {
      query                     = each.value.query
      duration                  = "0s"
      evaluation_interval       = "60s"
      disable_metric_validation = true
    }
  }

  alert_strategy {
    auto_close = "3600s"
  }

  documentation {
    mime_type = "text/markdown"
    content   = "${each.value.text} Then ${local.runbook}."
  }

  depends_on = [
    google_logging_metric.critical,
    google_logging_metric.scheduler_failures,
    google_logging_metric.switch_tripped,
    google_logging_metric.token_expiry,
  ]
}
