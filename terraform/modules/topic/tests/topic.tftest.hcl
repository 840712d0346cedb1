mock_provider "google" {}

variables {
  project_id  = "quantsentinel-test"
  name        = "snapshot.taken"
  retention_s = 86400
  labels      = { app = "quantsentinel", env = "prod" }
}

run "a_topic_keeps_what_was_published_and_lets_nobody_in_by_itself" {
  command = plan

  assert {
    condition     = google_pubsub_topic.this.name == "snapshot.taken" && google_pubsub_topic.this.message_retention_duration == "86400s" && google_pubsub_topic.this.labels == tomap({ app = "quantsentinel", env = "prod", part = "snapshot-taken" })
    error_message = "another name, retention or label"
  }
}

run "a_dead_letter_without_its_function_is_refused" {
  command = plan
  variables {
    name = "decide.dead"
  }
  expect_failures = [var.name]
}

run "a_retention_that_pubsub_refuses_is_refused" {
  command = plan
  variables {
    retention_s = 599
  }
  expect_failures = [var.retention_s]
}
