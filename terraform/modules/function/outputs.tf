output "service_account" {
  description = "Address of the function's own account."
  value       = google_service_account.this.email
}

output "member" {
  description = "The account as an IAM member."
  value       = google_service_account.this.member
}

output "push_account" {
  description = "Address of the account with which Pub/Sub calls; null for an HTTP function."
  value       = one(google_service_account.push[*].email)
}

output "service" {
  description = "Name of the Cloud Run service."
  value       = google_cloud_run_v2_service.this.name
}

output "uri" {
  description = "Address of the Cloud Run service."
  value       = google_cloud_run_v2_service.this.uri
}

output "revision" {
  description = "The newest revision that is ready: what a canary keeps most of the traffic on."
  value       = google_cloud_run_v2_service.this.latest_ready_revision
}

output "subscription" {
  description = "Name of the push subscription; null for an HTTP function."
  value       = one(module.subscription[*].name)
}

output "dead_letter_subscription" {
  description = "Name of the dead letter's subscription; null for an HTTP function."
  value       = one(module.subscription[*].dead_letter_subscription)
}
