locals {
  dead       = "${var.name}.dead"
  kept_for_s = var.retention_days * 24 * 3600
}

resource "google_pubsub_subscription" "push" {
  project                    = var.project_id
  name                       = var.name
  topic                      = "projects/${var.project_id}/topics/${var.topic}"
  labels                     = var.labels
  ack_deadline_seconds       = var.row.ack_deadline_s
  message_retention_duration = "${local.kept_for_s}s"
  deletion_policy            = var.protected ? "PREVENT" : "DELETE"

  push_config {
    push_endpoint = var.push_endpoint

    dynamic "oidc_token" {
      for_each = var.identity[*]

      content {
        service_account_email = oidc_token.value.service_account
        audience              = oidc_token.value.audience
      }
    }
  }

  retry_policy {
    minimum_backoff = "${var.row.min_backoff_s}s"
    maximum_backoff = "${var.row.max_backoff_s}s"
  }

  dead_letter_policy {
    dead_letter_topic     = "projects/${var.project_id}/topics/${google_pubsub_topic.dead.name}"
    max_delivery_attempts = var.row.max_delivery_attempts
  }

  # Never: a subscription that a quiet month removed would lose what comes after.
  expiration_policy {
    ttl = ""
  }

  depends_on = [
    google_pubsub_topic_iam_member.dead_publisher,
    google_pubsub_subscription.dead,
  ]
}

# --- Where a message goes that nobody could handle ---
resource "google_pubsub_topic" "dead" {
  project = var.project_id
  name    = local.dead
  labels  = var.labels
}

resource "google_pubsub_subscription" "dead" {
  project                    = var.project_id
  name                       = local.dead
  topic                      = "projects/${var.project_id}/topics/${google_pubsub_topic.dead.name}"
  labels                     = var.labels
  ack_deadline_seconds       = 60
  message_retention_duration = "${local.kept_for_s}s"
  deletion_policy            = var.protected ? "PREVENT" : "DELETE"

  expiration_policy {
    ttl = ""
  }
}

# Pub/Sub itself moves the message: it publishes there and acknowledges here.
resource "google_pubsub_topic_iam_member" "dead_publisher" {
  count = var.service_agent == null ? 0 : 1

  project = var.project_id
  topic   = google_pubsub_topic.dead.name
  role    = "roles/pubsub.publisher"
  member  = var.service_agent
}

resource "google_pubsub_subscription_iam_member" "source_subscriber" {
  count = var.service_agent == null ? 0 : 1

  project      = var.project_id
  subscription = google_pubsub_subscription.push.name
  role         = "roles/pubsub.subscriber"
  member       = var.service_agent
}
