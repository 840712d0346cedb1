locals {
  service   = "qs-${replace(var.name, "_", "-")}"
  labels    = merge(var.labels, { part = var.name })
  is_pushed = var.row.trigger.kind == "pubsub"
  is_open   = contains(["public_with_secret", "callback"], coalesce(var.row.trigger.invokers, "nobody"))
  pubsub    = "serviceAccount:service-${var.project_number}@gcp-sa-pubsub.iam.gserviceaccount.com"
  dead      = "${var.name}.dead"
  audience  = "https://${local.service}.${var.project_id}"
}

resource "google_cloud_run_v2_service" "this" {
  project             = var.project_id
  location            = var.region
  name                = local.service
  description         = var.row.description
  labels              = local.labels
  deletion_protection = var.protected
  ingress             = var.row.trigger.ingress == "all" ? "INGRESS_TRAFFIC_ALL" : "INGRESS_TRAFFIC_INTERNAL_ONLY"
  # No member is ever public. A function that asks for a secret of its own, or answers at a path that nobody can guess,
  # goes without the check instead: it is named as such in the map.
  invoker_iam_disabled = local.is_open
  custom_audiences     = local.is_pushed ? [local.audience] : []

  template {
    labels                           = local.labels
    service_account                  = google_service_account.this.email
    timeout                          = "${var.row.timeout_s}s"
    max_instance_request_concurrency = var.row.concurrency
    # The second generation needs 512 MiB.
    execution_environment = var.row.memory_mb >= 512 ? "EXECUTION_ENVIRONMENT_GEN2" : "EXECUTION_ENVIRONMENT_GEN1"

    scaling {
      min_instance_count = var.row.min_instances
      max_instance_count = var.row.max_instances
    }

    containers {
      image = var.image

      resources {
        limits            = { cpu = tostring(var.row.cpu), memory = "${var.row.memory_mb}Mi" }
        cpu_idle          = true
        startup_cpu_boost = true
      }

      dynamic "env" {
        for_each = merge(var.env, {
          FUNCTION_TARGET = var.name
          FUNCTION_SOURCE = "functions/${var.name}/main.py"
          THREADS         = tostring(var.row.threads)
        })

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

      startup_probe {
        period_seconds    = 2
        timeout_seconds   = 2
        failure_threshold = 30

        tcp_socket {
          port = 8080
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

  dynamic "traffic" {
    for_each = length(var.traffic) == 0 ? { LATEST = 100 } : var.traffic

    content {
      type     = traffic.key == "LATEST" ? "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST" : "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION"
      revision = traffic.key == "LATEST" ? null : traffic.key
      percent  = traffic.value
    }
  }

  # A revision that cannot read its secrets does not start.
  depends_on = [google_secret_manager_secret_iam_member.reader]
}
