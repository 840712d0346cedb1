output "name" {
  description = "The database's id."
  value       = google_firestore_database.this.name
}

output "path" {
  description = "projects/…/databases/…"
  value       = local.path
}
