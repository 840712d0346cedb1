locals {
  job    = "qs-${replace(var.name, "_", "-")}"
  labels = merge(var.labels, { part = var.name })
}

resource "google_cloud_run_v2_job" "this" {
  project             = var.project_id
  location            = var.region
  name                = local.job
  labels              = local.labels
  deletion_protection = var.protected

  template {
    labels      = local.labels
    task_count  = 1
    parallelism = 1

    template {
      service_account       = google_service_account.this.email
      timeout               = "${var.row.timeout_s}s"
      max_retries           = 1
      execution_environment = "EXECUTION_ENVIRONMENT_GEN2"

      containers {
        image   = var.image
        command = slice(var.row.command, 0, 1)
        args    = slice(var.row.command, 1, length(var.row.command))

        resources {
          limits = { cpu = tostring(var.row.cpu), memory = "${var.row.memory_mb}Mi" }
        }

        dynamic "env" {
          for_each = var.env

          content {
            name  = env.key
            value = env.value
          }
        }

        dynamic "volume_mounts" {
          for_each = var.secrets

          content {
            name       = volume_mounts.key
            mount_path = volume_mounts.value
          }
        }
      }

      dynamic "volumes" {
        for_each = var.secrets

        content {
          name = volumes.key

          secret {
            secret = volumes.key

            items {
              path    = "value"
              version = "latest"
            }
          }
        }
      }

      dynamic "vpc_access" {
        for_each = var.network[*]

        content {
          egress = "ALL_TRAFFIC"

          network_interfaces {
            network    = vpc_access.value.network
            subnetwork = vpc_access.value.subnetwork
          }
        }
      }
    }
  }

  depends_on = [google_secret_manager_secret_iam_member.reader]
}

module "schedule" {
  source = "../schedule"

  project_id = var.project_id
  region     = var.region
  name       = var.name
  cron       = var.row.schedule
  time_zone  = var.row.time_zone
  paused     = var.paused
  job        = { name = google_cloud_run_v2_job.this.name, service_account = google_service_account.beat.email }

  depends_on = [google_cloud_run_v2_job_iam_member.beat]
}

resource "google_monitoring_alert_policy" "failed" {
  project               = var.project_id
  display_name          = "${var.name}: the job failed"
  combiner              = "OR"
  severity              = "ERROR"
  notification_channels = var.alert_channels
  user_labels           = local.labels

  conditions {
    display_name = "An execution ended with an error"

    condition_threshold {
      filter          = "resource.type = \"cloud_run_job\" AND resource.labels.job_name = \"${local.job}\" AND metric.type = \"run.googleapis.com/job/completed_execution_count\" AND metric.labels.result = \"failed\""
      comparison      = "COMPARISON_GT"
      threshold_value = 0
      duration        = "0s"

      aggregations {
        alignment_period     = "300s"
        per_series_aligner   = "ALIGN_DELTA"
        cross_series_reducer = "REDUCE_SUM"
      }
    }
  }

  documentation {
    content = "Read the log of ${local.job}; start it again with `gcloud run jobs execute ${local.job} --region ${var.region}`."
  }
}
