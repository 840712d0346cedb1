locals {
  path = "projects/${var.project_id}/databases/${var.database}"

  # Keyed by what an index is, so that adding one moves no other.
  indexes = {
    for index in var.indexes :
    join("/", concat([index.collection, index.scope], [for field in index.fields : "${field.path}:${coalesce(field.order, field.array)}"])) => index
  }
}

resource "google_firestore_database" "this" {
  project                           = var.project_id
  name                              = var.database
  location_id                       = var.location
  type                              = "FIRESTORE_NATIVE"
  database_edition                  = "STANDARD"
  concurrency_mode                  = "OPTIMISTIC"
  app_engine_integration_mode       = "DISABLED"
  point_in_time_recovery_enablement = "POINT_IN_TIME_RECOVERY_ENABLED"
  delete_protection_state           = var.protected ? "DELETE_PROTECTION_ENABLED" : "DELETE_PROTECTION_DISABLED"
  # The provider's own default, ABANDON, would leave the database behind without a word.
  deletion_policy = var.protected ? "PREVENT" : "DELETE"

  dynamic "cmek_config" {
    for_each = var.kms_key == null ? [] : [var.kms_key]

    content {
      kms_key_name = cmek_config.value
    }
  }
}

# The field's own indexes stay: expire_at can be asked for.
resource "google_firestore_field" "expiring" {
  for_each = var.ttl_collections

  project    = var.project_id
  database   = google_firestore_database.this.name
  collection = each.value
  field      = "expire_at"

  ttl_config {}
}

resource "google_firestore_index" "composite" {
  for_each = local.indexes

  project     = var.project_id
  database    = google_firestore_database.this.name
  collection  = each.value.collection
  query_scope = each.value.scope

  dynamic "fields" {
    for_each = each.value.fields

    content {
      field_path   = fields.value.path
      order        = fields.value.order
      array_config = fields.value.array
    }
  }
}

resource "google_firestore_backup_schedule" "daily" {
  project   = var.project_id
  database  = google_firestore_database.this.name
  retention = "${var.backup.daily_days * 86400}s"

  daily_recurrence {}
}

resource "google_firestore_backup_schedule" "weekly" {
  project   = var.project_id
  database  = google_firestore_database.this.name
  retention = "${var.backup.weekly_weeks * 604800}s"

  weekly_recurrence {
    day = var.backup.weekly_day
  }
}
