output "services" {
  description = "Cloud Run service of each function."
  value       = { for name, made in module.function : name => made.service }
}

output "uris" {
  description = "Addresses of the functions that answer HTTP."
  value       = { for name, made in module.function : name => made.uri if var.map.functions[name].trigger.kind == "http" }
}

output "revisions" {
  description = "The newest ready revision of each function: what a canary keeps most of the traffic on, and what the self-test expects."
  value       = { for name, made in module.function : name => made.revision }
}

output "egress_addresses" {
  description = "Static addresses for a broker's allow-list."
  value       = flatten(module.network[*].addresses)
}

output "image_repository" {
  description = "Where images are pushed."
  value       = module.images.url
}

output "identity_provider" {
  description = "What the pipeline names as its workload identity provider; null without delivery."
  value       = one(module.delivery_identity[*].provider)
}

output "dashboard" {
  description = "The dashboard's id."
  value       = module.monitoring.dashboard
}
