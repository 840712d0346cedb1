resource "google_pubsub_topic" "this" {
  project                    = var.project_id
  name                       = var.name
  labels                     = merge(var.labels, { part = replace(var.name, ".", "-") })
  message_retention_duration = var.retention_s == null ? null : "${var.retention_s}s"
}
