mock_provider "google" {}

variables {
  project_id = "quantsentinel-test"
  regions    = ["asia-south1"]
  secrets = {
    upstox-token   = { description = "The Upstox Analytics Token" }
    telegram-token = { description = "The token of the Telegram bot" }
  }
  adders = { operators = "group:operators@example.com" }
  labels = { app = "quantsentinel", env = "prod" }
}

run "secrets_stay_in_their_region_without_a_value_and_operators_add_but_do_not_read" {
  command = plan

  assert {
    condition     = alltrue([for secret in google_secret_manager_secret.this : secret.deletion_protection && secret.version_destroy_ttl == "604800s" && [for replica in secret.replication[0].user_managed[0].replicas : replica.location] == ["asia-south1"]])
    error_message = "a secret could be removed, or lies elsewhere"
  }
  assert {
    condition     = { for id, secret in google_secret_manager_secret.this : id => secret.labels.part } == { upstox-token = "upstox-token", telegram-token = "telegram-token" }
    error_message = "labels are missing"
  }
  assert {
    condition     = { for key, grant in google_secret_manager_secret_iam_member.adder : key => "${grant.secret_id} ${grant.role} ${grant.member}" } == { "upstox-token operators" = "upstox-token roles/secretmanager.secretVersionAdder group:operators@example.com", "telegram-token operators" = "telegram-token roles/secretmanager.secretVersionAdder group:operators@example.com" }
    error_message = "somebody else than the operators may add, or they may read"
  }
}

run "dev_can_be_torn_down" {
  command = plan
  variables {
    protected = false
  }
  assert {
    condition     = alltrue([for secret in google_secret_manager_secret.this : !secret.deletion_protection])
    error_message = "dev cannot be torn down"
  }
}

run "nobody_public_adds_a_secret" {
  command = plan
  variables {
    adders = { everybody = "allAuthenticatedUsers" }
  }
  expect_failures = [var.adders]
}

run "a_region_that_is_none_is_refused" {
  command = plan
  variables {
    regions = ["Mumbai"]
  }
  expect_failures = [var.regions]
}
