output "service_account" {
  description = "Address of the job's own account."
  value       = google_service_account.this.email
}

output "member" {
  description = "The account as an IAM member."
  value       = google_service_account.this.member
}

output "beat_account" {
  description = "Address of the account with which the schedule starts the job."
  value       = google_service_account.beat.email
}

output "job" {
  description = "Name of the Cloud Run job."
  value       = google_cloud_run_v2_job.this.name
}
