mock_provider "google" {}

variables {
  project_id          = "quantsentinel-test"
  labels              = { app = "quantsentinel", env = "prod", part = "monitoring" }
  notification_emails = ["operators@example.com"]
  functions = {
    decide        = { service = "qs-decide", subscription = "decide", dead_letter_subscription = "decide.dead", max_instances = 4, timeout_s = 60 }
    serve_tenants = { service = "qs-serve-tenants", subscription = "serve_tenants", dead_letter_subscription = "serve_tenants.dead", max_instances = 50, timeout_s = 60 }
    heartbeat     = { service = "qs-heartbeat", subscription = "heartbeat", dead_letter_subscription = "heartbeat.dead", max_instances = 1, timeout_s = 60 }
    kill_switch   = { service = "qs-kill-switch", max_instances = 2, timeout_s = 30 }
  }
}

run "every_alert_is_there_and_told_to_somebody_and_silence_at_night_is_none" {
  command = apply

  assert {
    condition     = join(" ", keys(google_monitoring_alert_policy.platform)) == "critical heartbeat scheduler tenant_switches token wide_switch"
    error_message = "an alert is missing"
  }
  assert {
    condition     = join(" ", keys(google_monitoring_alert_policy.burn)) == "decide_answers_fast decide_answers_slow decide_speed_fast decide_speed_slow tenants_answer_fast tenants_answer_slow tenants_speed_fast tenants_speed_slow"
    error_message = "an objective burns unseen"
  }
  assert {
    condition     = alltrue([for policy in values(google_monitoring_alert_policy.platform) : policy.enabled])
    error_message = "an alert is switched off"
  }
  assert {
    condition     = alltrue([for policy in concat(values(google_monitoring_alert_policy.platform), values(google_monitoring_alert_policy.burn)) : length(policy.notification_channels) == 1 && policy.user_labels["app"] == "quantsentinel" && strcontains(policy.documentation[0].content, "docs/runbook.md")])
    error_message = "an alert that nobody gets, without labels or without the runbook"
  }
  assert {
    condition     = one(values(google_monitoring_notification_channel.email)).labels["email_address"] == "operators@example.com" && output.channels == [one(values(google_monitoring_notification_channel.email)).name]
    error_message = "the operators are not told"
  }
  assert {
    condition     = google_logging_project_bucket_config.default.retention_days == 92 && google_logging_project_bucket_config.default.bucket_id == "_Default"
    error_message = "log lines are gone after 30 days"
  }
  assert {
    condition     = length(google_billing_budget.month) == 0
    error_message = "a budget that was not asked for"
  }

  # Silence at night is no alarm. 08:00 IST is 02:30 UTC: asked for from 02:40 (ten minutes of beats) until 15:30, which is 21:00 IST.
  assert {
    condition     = endswith(one(google_monitoring_alert_policy.platform["heartbeat"].conditions[0].condition_prometheus_query_language).query, "< 1 and on() (hour() * 60 + minute() >= 160) and on() (hour() * 60 + minute() < 930)")
    error_message = "the heartbeat is asked for when it does not beat"
  }
  assert {
    condition     = strcontains(one(google_monitoring_alert_policy.platform["heartbeat"].conditions[0].condition_prometheus_query_language).query, "service_name=\"qs-heartbeat\", response_code_class=\"2xx\"}[10m])) or vector(0)")
    error_message = "no beat at all would be no alarm"
  }
  assert {
    condition     = google_logging_metric.switch_tripped.filter == "resource.type=\"cloud_run_revision\" AND resource.labels.service_name=(\"qs-decide\" OR \"qs-heartbeat\" OR \"qs-kill-switch\" OR \"qs-serve-tenants\") AND labels.alarm=\"kill_switch\" AND labels.state=\"on\""
    error_message = "another line than announce writes is counted"
  }
  assert {
    condition     = one(google_monitoring_alert_policy.platform["wide_switch"].conditions[0].condition_prometheus_query_language).query == "sum by (kind) (increase(logging_googleapis_com:user_quantsentinel_switch_tripped{monitored_resource=\"cloud_run_revision\", kind=~\"master|exchange|broker|symbol|stale_data|model_staleness\"}[5m])) > 0"
    error_message = "a switch that stops everybody tells no operator"
  }
  assert {
    condition     = alltrue([for policy in values(google_monitoring_alert_policy.platform) : one(policy.conditions[0].condition_prometheus_query_language).disable_metric_validation])
    error_message = "the first apply fails while a metric has not been written"
  }
  assert {
    condition     = alltrue([for policy in values(google_monitoring_alert_policy.platform) : length(regexall("[(]", one(policy.conditions[0].condition_prometheus_query_language).query)) == length(regexall("[)]", one(policy.conditions[0].condition_prometheus_query_language).query)) && length(regexall("[{]", one(policy.conditions[0].condition_prometheus_query_language).query)) == length(regexall("[}]", one(policy.conditions[0].condition_prometheus_query_language).query))])
    error_message = "brackets do not match"
  }
}

run "objectives_count_requests_and_a_budget_is_told_at_four_points" {
  command = apply

  variables {
    budget    = { billing_account = "012345-6789AB-CDEF01", project_number = "123456789012", amount = 20000 }
    heartbeat = { expected = false }
  }

  assert {
    condition     = [for name, policy in google_monitoring_alert_policy.platform : name if !policy.enabled] == ["heartbeat"]
    error_message = "where schedules are paused the heartbeat is missed, or another alert is not told"
  }

  assert {
    condition     = google_monitoring_slo.this["decide_answers"].goal == 0.99 && google_monitoring_slo.this["decide_answers"].rolling_period_days == 28 && endswith(one(google_monitoring_slo.this["decide_answers"].request_based_sli[0].good_total_ratio).good_service_filter, "service_name=\"qs-decide\" AND metric.labels.response_code_class=\"2xx\"")
    error_message = "answers are counted otherwise"
  }
  assert {
    condition     = one(one(google_monitoring_slo.this["decide_speed"].request_based_sli[0].distribution_cut).range).max == 2000 && length(google_monitoring_slo.this["decide_speed"].request_based_sli[0].good_total_ratio) == 0
    error_message = "speed is measured otherwise"
  }
  assert {
    condition     = [for condition in google_monitoring_alert_policy.burn["decide_speed_fast"].conditions : "${regex("\"([0-9]+s)\"", one(condition.condition_threshold).filter)[0]} ${one(condition.condition_threshold).threshold_value}"] == ["3600s 14.4", "300s 14.4"] && google_monitoring_alert_policy.burn["decide_speed_fast"].combiner == "AND"
    error_message = "the fast burn is not 14.4 over an hour and over five minutes"
  }
  assert {
    condition     = [for condition in google_monitoring_alert_policy.burn["decide_speed_slow"].conditions : "${regex("\"([0-9]+s)\"", one(condition.condition_threshold).filter)[0]} ${one(condition.condition_threshold).threshold_value}"] == ["21600s 6", "1800s 6"]
    error_message = "the slow burn is not 6 over six hours and over half an hour"
  }
  assert {
    condition     = [for rule in google_billing_budget.month[0].threshold_rules : "${rule.threshold_percent} ${rule.spend_basis}"] == ["0.5 CURRENT_SPEND", "0.9 CURRENT_SPEND", "1 CURRENT_SPEND", "1 FORECASTED_SPEND"]
    error_message = "the budget is told otherwise"
  }
  assert {
    condition     = google_billing_budget.month[0].amount[0].specified_amount[0].units == "20000" && one(google_billing_budget.month[0].budget_filter).projects == toset(["projects/123456789012"])
    error_message = "another budget"
  }
  assert {
    condition     = [for tile in jsondecode(google_monitoring_dashboard.platform.dashboard_json).mosaicLayout.tiles : "${tile.xPos}/${tile.yPos}"] == ["0/0", "24/0", "0/16", "24/16", "0/32", "24/32", "0/48", "24/48"] && strcontains(google_monitoring_dashboard.platform.dashboard_json, "decide[.]dead|heartbeat[.]dead|serve_tenants[.]dead")
    error_message = "the dashboard's tiles lie over each other, or a dead letter is not on it"
  }
}

run "what_monitoring_would_not_take_is_refused" {
  command = plan

  variables {
    project_id          = "Bad"
    labels              = { App = "x" }
    notification_emails = ["operators"]
    heartbeat           = { first_hour_ist = 3, silent_minutes = 2 }
    tenant_switches     = 0
    slos                = { all = { function = "decide", kind = "latency", goal = 1 } }
    budget              = { billing_account = "mine", project_number = "quantsentinel", amount = 0.5, currency = "rupees" }
  }

  expect_failures = [
    var.project_id, var.labels, var.notification_emails, var.heartbeat, var.tenant_switches, var.slos, var.budget,
  ]
}

run "an_objective_of_a_function_that_does_not_run_is_refused" {
  command = plan

  variables {
    heartbeat           = { function = "pulse" }
    slos                = { train_speed = { function = "train", kind = "availability", goal = 0.9, threshold_ms = 5 } }
    notification_emails = []
  }

  expect_failures = [var.heartbeat, var.slos, var.notification_emails]
}

run "logs_of_a_week_are_refused" {
  command = plan
  variables {
    log_retention_days = 7
  }
  expect_failures = [var.log_retention_days]
}
