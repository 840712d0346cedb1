output "provider" {
  description = "What the pipeline names as its workload_identity_provider."
  value       = "${local.pool}/providers/${var.provider_id}"
}

output "service_account" {
  description = "The deployer's address."
  value       = "${var.account_id}@${var.project_id}.iam.gserviceaccount.com"

  # Whoever grants it something waits until it is there.
  depends_on = [google_service_account.deployer]
}

output "attribute_condition" {
  description = "Whose tokens are taken, as CEL."
  value       = join(" && ", local.conditions)
}
