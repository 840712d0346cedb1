mock_provider "google" {}

variables {
  project_id  = "quantsentinel-test"
  name        = "snapshot.taken"
  publishers  = { poll_market = "serviceAccount:qs-poll-market@quantsentinel-test.iam.gserviceaccount.com" }
  retention_s = 86400
  labels      = { app = "quantsentinel", env = "prod" }
}

run "a_topic_is_published_on_by_the_named_functions_alone" {
  assert {
    condition     = google_pubsub_topic.this.name == "snapshot.taken" && google_pubsub_topic.this.message_retention_duration == "86400s" && google_pubsub_topic.this.labels == tomap({ app = "quantsentinel", env = "prod", part = "snapshot-taken" })
    error_message = "another name, retention or label"
  }
  assert {
    condition     = [for key, grant in google_pubsub_topic_iam_member.publisher : "${key} ${grant.topic} ${grant.role} ${grant.member}"] == ["poll_market snapshot.taken roles/pubsub.publisher serviceAccount:qs-poll-market@quantsentinel-test.iam.gserviceaccount.com"]
    error_message = "somebody else may publish"
  }
}

run "a_public_publisher_is_refused" {
  command = plan
  variables {
    publishers = { everybody = "allUsers" }
  }
  expect_failures = [var.publishers]
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
