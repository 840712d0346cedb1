mock_provider "google" {}

variables {
  project_id    = "quantsentinel-test"
  name          = "decide"
  topic         = "snapshot.taken"
  row           = { ack_deadline_s = 65, min_backoff_s = 10, max_backoff_s = 600, max_delivery_attempts = 100 }
  push_endpoint = "https://qs-decide-abc-el.a.run.app"
  service_agent = "serviceAccount:service-123456789012@gcp-sa-pubsub.iam.gserviceaccount.com"
  labels        = { app = "quantsentinel", env = "prod", part = "decide" }
  identity = {
    service_account = "qs-decide-push@quantsentinel-test.iam.gserviceaccount.com"
    audience        = "https://qs-decide.quantsentinel-test"
  }
}

run "it_pushes_with_an_identity_repeats_and_never_expires" {
  command = plan

  assert {
    condition     = google_pubsub_subscription.push.name == "decide" && google_pubsub_subscription.push.topic == "projects/quantsentinel-test/topics/snapshot.taken"
    error_message = "subscription decide does not read snapshot.taken"
  }
  assert {
    condition     = google_pubsub_subscription.push.push_config[0].oidc_token[0].audience == "https://qs-decide.quantsentinel-test"
    error_message = "the push goes without a token"
  }
  assert {
    condition     = google_pubsub_subscription.push.ack_deadline_seconds == 65 && google_pubsub_subscription.push.retry_policy[0].minimum_backoff == "10s" && google_pubsub_subscription.push.retry_policy[0].maximum_backoff == "600s"
    error_message = "deadline or retries are not those of the map"
  }
  assert {
    condition     = google_pubsub_subscription.push.expiration_policy[0].ttl == "" && google_pubsub_subscription.dead.expiration_policy[0].ttl == ""
    error_message = "a subscription expires"
  }
  assert {
    condition     = google_pubsub_subscription.push.deletion_policy == "PREVENT" && google_pubsub_subscription.dead.deletion_policy == "PREVENT"
    error_message = "a plan may remove what waits"
  }
}

run "what_nobody_handles_is_kept_in_a_dead_letter_with_a_subscription_of_its_own" {
  command = plan

  assert {
    condition     = google_pubsub_subscription.push.dead_letter_policy[0].dead_letter_topic == "projects/quantsentinel-test/topics/decide.dead" && google_pubsub_subscription.push.dead_letter_policy[0].max_delivery_attempts == 100
    error_message = "there is no dead letter after 100 attempts"
  }
  assert {
    condition     = google_pubsub_topic.dead.name == "decide.dead" && google_pubsub_subscription.dead.topic == "projects/quantsentinel-test/topics/decide.dead"
    error_message = "nobody reads the dead letter"
  }
  assert {
    condition     = google_pubsub_topic_iam_member.dead_publisher[0].role == "roles/pubsub.publisher" && google_pubsub_topic_iam_member.dead_publisher[0].topic == "decide.dead"
    error_message = "Pub/Sub may not put anything into the dead letter"
  }
  assert {
    condition     = google_pubsub_subscription_iam_member.source_subscriber[0].role == "roles/pubsub.subscriber" && google_pubsub_subscription_iam_member.source_subscriber[0].subscription == "decide"
    error_message = "Pub/Sub may not take out of the subscription what it moves"
  }
}

run "on_emulators_there_is_neither_a_token_nor_a_grant" {
  command = plan

  variables {
    push_endpoint = "http://127.0.0.1:14705/"
    identity      = null
    service_agent = null
    protected     = false
  }

  assert {
    condition     = length(google_pubsub_subscription.push.push_config[0].oidc_token) == 0 && length(google_pubsub_topic_iam_member.dead_publisher) + length(google_pubsub_subscription_iam_member.source_subscriber) == 0
    error_message = "an emulator would refuse this"
  }
}

run "a_push_without_a_token_is_refused_off_this_machine" {
  command = plan

  variables {
    identity = null
  }

  expect_failures = [var.identity]
}

run "a_plain_address_is_refused" {
  command = plan

  variables {
    push_endpoint = "http://qs-decide.example"
  }

  expect_failures = [var.push_endpoint]
}

run "limits_of_pubsub_are_kept" {
  command = plan

  variables {
    row = { ack_deadline_s = 601, min_backoff_s = 700, max_backoff_s = 600, max_delivery_attempts = 4 }
  }

  expect_failures = [var.row]
}

run "nothing_is_kept_for_longer_than_pubsub_does" {
  command = plan

  variables {
    retention_days = 32
  }

  expect_failures = [var.retention_days]
}

run "a_person_is_no_service_agent" {
  command = plan

  variables {
    service_agent = "user:somebody@example.com"
  }

  expect_failures = [var.service_agent]
}

run "a_dead_letter_is_not_pushed" {
  command = plan

  variables {
    topic = "decide.dead"
  }

  expect_failures = [var.topic]
}
