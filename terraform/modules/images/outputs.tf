output "url" {
  description = "Where images are pushed: <region>-docker.pkg.dev/<project>/<repository>"
  value       = "${var.region}-docker.pkg.dev/${var.project_id}/${google_artifact_registry_repository.this.repository_id}"
}

output "name" {
  description = "The repository's id."
  value       = google_artifact_registry_repository.this.repository_id
}
