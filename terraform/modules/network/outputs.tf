output "egress" {
  description = "What a function or job takes as `network`."
  value       = { network = google_compute_network.this.name, subnetwork = google_compute_subnetwork.this.name }
}

output "addresses" {
  description = "The static addresses, for a broker's allow-list."
  value       = google_compute_address.this[*].address
}
