output "name" {
  description = "The topic's name."
  value       = google_pubsub_topic.this.name
}
