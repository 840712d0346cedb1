# Firestore takes IAM at the project only; the condition confines a member to this database.
resource "google_project_iam_member" "reader" {
  for_each = var.readers

  project = var.project_id
  role    = "roles/datastore.viewer"
  member  = each.value

  condition {
    title       = "documents"
    description = "Database ${var.database} only"
    expression  = "resource.name == \"${local.path}\""
  }
}

resource "google_project_iam_member" "writer" {
  for_each = var.writers

  project = var.project_id
  role    = "roles/datastore.user"
  member  = each.value

  condition {
    title       = "documents"
    description = "Database ${var.database} only"
    expression  = "resource.name == \"${local.path}\""
  }
}
