output "services" {
  description = "Cloud Run service of each function."
  value       = module.platform.services
}

output "uris" {
  description = "Addresses of the functions that answer HTTP."
  value       = module.platform.uris
}

output "revisions" {
  description = "The newest ready revision of each function."
  value       = module.platform.revisions
}

output "egress_addresses" {
  description = "Static addresses for a broker's allow-list."
  value       = module.platform.egress_addresses
}

output "image_repository" {
  description = "Where images are pushed."
  value       = module.platform.image_repository
}

output "identity_provider" {
  description = "What the pipeline names as its workload identity provider; null without delivery."
  value       = module.platform.identity_provider
}

output "dashboard" {
  description = "The dashboard's id."
  value       = module.platform.dashboard
}
