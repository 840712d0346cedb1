locals {
  of_run     = "monitored_resource=\"cloud_run_revision\", service_name=~\"${join("|", local.services)}\""
  waiting    = join("|", sort([for function in values(var.functions) : function.subscription if function.subscription != null]))
  dead       = join("|", sort([for function in values(var.functions) : replace(function.dead_letter_subscription, ".", "[.]") if function.dead_letter_subscription != null]))
  of_waiting = "monitored_resource=\"pubsub_subscription\", subscription_id=~\"${local.waiting}\""
  of_dead    = "monitored_resource=\"pubsub_subscription\", subscription_id=~\"${local.dead}\""

  charts = [
    { title = "Answers a second by function and class", query = "sum by (service_name, response_code_class) (rate(run_googleapis_com:request_count{${local.of_run}}[5m]))" },
    { title = "95th percentile of the answer time, ms", query = "histogram_quantile(0.95, sum by (le, service_name) (rate(run_googleapis_com:request_latencies_bucket{${local.of_run}}[5m])))" },
    { title = "Oldest message that waits, s", query = "max by (subscription_id) (pubsub_googleapis_com:subscription_oldest_unacked_message_age{${local.of_waiting}})" },
    { title = "Dead letters", query = "max by (subscription_id) (pubsub_googleapis_com:subscription_num_undelivered_messages{${local.of_dead}})" },
    { title = "Instances", query = "sum by (service_name) (max_over_time(run_googleapis_com:container_instance_count{${local.of_run}, state=\"active\"}[5m]))" },
    { title = "Heartbeats in 10 minutes", query = "sum(increase(${local.beats}[10m]))" },
    { title = "Switches pulled in an hour", query = "sum by (kind) (increase(${local.switches}}[1h]))" },
    { title = "Critical lines and failed schedules in an hour", query = "label_replace(sum by (service_name) (increase(${local.critical}[1h])), \"of\", \"$1\", \"service_name\", \"(.*)\") or label_replace(sum by (schedule) (increase(${local.schedules}[1h])), \"of\", \"$1\", \"schedule\", \"(.*)\")" },
  ]
}

resource "google_monitoring_dashboard" "platform" {
  project = var.project_id

  dashboard_json = jsonencode({
    displayName = "Quantsentinel"

    mosaicLayout = {
      columns = 48
      tiles = [for number, chart in local.charts : {
        xPos   = (number % 2) * 24
        yPos   = floor(number / 2) * 16
        width  = 24
        height = 16

        widget = {
          title = chart.title
          xyChart = {
            dataSets = [{ plotType = "LINE", targetAxis = "Y1", timeSeriesQuery = { prometheusQuery = chart.query } }]
          }
        }
      }]
    }
  })
}
