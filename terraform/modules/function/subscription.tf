resource "google_pubsub_subscription" "push" {
  count = local.is_pushed ? 1 : 0

  project                    = var.project_id
  name                       = var.name
  topic                      = "projects/${var.project_id}/topics/${var.topic}"
  labels                     = local.labels
  ack_deadline_seconds       = var.row.trigger.subscription.ack_deadline_s
  message_retention_duration = "${local.kept_for_s}s"
  deletion_policy            = var.protected ? "PREVENT" : "DELETE"

  push_config {
    push_endpoint = google_cloud_run_v2_service.this.uri

    oidc_token {
      service_account_email = google_service_account.push[0].email
      audience              = local.audience
    }
  }

  retry_policy {
    minimum_backoff = "${var.row.trigger.subscription.min_backoff_s}s"
    maximum_backoff = "${var.row.trigger.subscription.max_backoff_s}s"
  }

  dead_letter_policy {
    dead_letter_topic     = "projects/${var.project_id}/topics/${google_pubsub_topic.dead[0].name}"
    max_delivery_attempts = var.row.trigger.subscription.max_delivery_attempts
  }

  # Never: a subscription that a quiet month removed would lose what comes after.
  expiration_policy {
    ttl = ""
  }

  depends_on = [
    google_cloud_run_v2_service_iam_member.push,
    google_service_account_iam_member.push_token,
    google_pubsub_topic_iam_member.dead_publisher,
    google_pubsub_subscription.dead,
  ]
}

# --- Where a message goes that nobody could handle ---
resource "google_pubsub_topic" "dead" {
  count = local.is_pushed ? 1 : 0

  project = var.project_id
  name    = local.dead
  labels  = local.labels
}

resource "google_pubsub_subscription" "dead" {
  count = local.is_pushed ? 1 : 0

  project                    = var.project_id
  name                       = local.dead
  topic                      = "projects/${var.project_id}/topics/${google_pubsub_topic.dead[0].name}"
  labels                     = local.labels
  ack_deadline_seconds       = 60
  message_retention_duration = "${local.kept_for_s}s"
  deletion_policy            = var.protected ? "PREVENT" : "DELETE"

  expiration_policy {
    ttl = ""
  }
}

# Pub/Sub itself moves the message: it publishes there and acknowledges here.
resource "google_pubsub_topic_iam_member" "dead_publisher" {
  count = local.is_pushed ? 1 : 0

  project = var.project_id
  topic   = google_pubsub_topic.dead[0].name
  role    = "roles/pubsub.publisher"
  member  = local.pubsub
}

resource "google_pubsub_subscription_iam_member" "source_subscriber" {
  count = local.is_pushed ? 1 : 0

  project      = var.project_id
  subscription = google_pubsub_subscription.push[0].name
  role         = "roles/pubsub.subscriber"
  member       = local.pubsub
}
