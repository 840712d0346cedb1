output "channels" {
  description = "Full names of the notification channels, for the functions' own alerts."
  value       = local.channels
}

output "dashboard" {
  description = "The dashboard's id."
  value       = google_monitoring_dashboard.platform.id
}
