output "verifier" {
  description = "Address of the account that verifies."
  value       = google_service_account.verifier.email
}

output "triggers" {
  description = "Names of the two triggers by stage."
  value       = { verify = google_cloudbuild_trigger.verify.name, apply = google_cloudbuild_trigger.apply.name }
}
