output "name" {
  description = "Name of the push subscription."
  value       = google_pubsub_subscription.push.name
}

output "dead_letter_topic" {
  description = "Name of the topic to which Pub/Sub moves what nobody could handle."
  value       = google_pubsub_topic.dead.name
}

output "dead_letter_subscription" {
  description = "Name of the dead letter's own subscription."
  value       = google_pubsub_subscription.dead.name
}
