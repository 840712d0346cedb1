locals {
  added = merge([for id in keys(var.secrets) : { for name, member in var.adders : "${id} ${name}" => { id = id, member = member } }]...)
}

resource "google_secret_manager_secret" "this" {
  for_each = var.secrets

  project             = var.project_id
  secret_id           = each.key
  labels              = merge(var.labels, { part = each.key })
  annotations         = { description = each.value.description }
  deletion_protection = var.protected
  # A version that was destroyed by mistake can be enabled again for a week.
  version_destroy_ttl = "604800s"

  replication {
    user_managed {
      dynamic "replicas" {
        for_each = var.regions

        content {
          location = replicas.value
        }
      }
    }
  }
}

resource "google_secret_manager_secret_iam_member" "adder" {
  for_each = local.added

  project   = var.project_id
  secret_id = google_secret_manager_secret.this[each.value.id].secret_id
  role      = "roles/secretmanager.secretVersionAdder"
  member    = each.value.member
}
