mock_provider "google" {}

variables {
  project_id = "quantsentinel-test"
  labels     = { app = "quantsentinel", env = "prod", part = "images" }
}

run "tags_never_move_and_what_is_old_goes_away" {
  command = plan

  variables {
    readers = { run = "serviceAccount:service-123456789012@serverless-robot-prod.iam.gserviceaccount.com" }
    writers = { build = "serviceAccount:qs-build@quantsentinel-test.iam.gserviceaccount.com" }
  }

  assert {
    condition     = google_artifact_registry_repository.this.format == "DOCKER" && google_artifact_registry_repository.this.docker_config[0].immutable_tags
    error_message = "a tag could be moved to another image"
  }
  assert {
    condition     = google_artifact_registry_repository.this.vulnerability_scanning_config[0].enablement_config == "INHERITED"
    error_message = "images are not scanned"
  }
  assert {
    condition     = google_artifact_registry_repository.this.deletion_policy == "PREVENT" && !google_artifact_registry_repository.this.cleanup_policy_dry_run
    error_message = "a plan may remove the images, or nothing old is removed"
  }
  assert {
    condition = sort([for policy in google_artifact_registry_repository.this.cleanup_policies :
      "${policy.id} ${policy.action} ${policy.action == "KEEP" ? one(policy.most_recent_versions).keep_count : "${one(policy.condition).tag_state} ${one(policy.condition).older_than}"}"
    ]) == tolist(["delete-old-untagged DELETE UNTAGGED 2592000s", "keep-recent KEEP 20"])
    error_message = "the cleanup is another"
  }
  assert {
    condition = { for key, binding in merge(google_artifact_registry_repository_iam_member.reader, google_artifact_registry_repository_iam_member.writer) : key => "${binding.role} ${binding.member} ${binding.repository} ${binding.location}" } == {
      run   = "roles/artifactregistry.reader serviceAccount:service-123456789012@serverless-robot-prod.iam.gserviceaccount.com quantsentinel asia-south1"
      build = "roles/artifactregistry.writer serviceAccount:qs-build@quantsentinel-test.iam.gserviceaccount.com quantsentinel asia-south1"
    }
    error_message = "a role is missing or too wide"
  }
  assert {
    condition     = output.url == "asia-south1-docker.pkg.dev/quantsentinel-test/quantsentinel"
    error_message = "the address is another"
  }
}

run "an_environment_that_is_torn_down" {
  command = plan

  variables {
    protected = false
    scanning  = false
    kms_key   = "projects/keys/locations/asia-south1/keyRings/qs/cryptoKeys/images"
  }

  assert {
    condition     = google_artifact_registry_repository.this.deletion_policy == "DELETE" && google_artifact_registry_repository.this.vulnerability_scanning_config[0].enablement_config == "DISABLED"
    error_message = "terraform destroy would fail, or scanning is paid for"
  }
  assert {
    condition     = google_artifact_registry_repository.this.kms_key_name == "projects/keys/locations/asia-south1/keyRings/qs/cryptoKeys/images"
    error_message = "the key is not used"
  }
}

run "what_the_registry_would_not_take_is_refused" {
  command = plan

  variables {
    project_id  = "Bad"
    region      = "India"
    name        = "Quant_Sentinel"
    labels      = { App = "x" }
    kms_key     = "images"
    keep_recent = 1
    keep_days   = 0
    readers     = { everybody = "allUsers" }
    writers     = { everybody = "allAuthenticatedUsers" }
  }

  expect_failures = [
    var.project_id, var.region, var.name, var.labels, var.kms_key, var.keep_recent, var.keep_days, var.readers, var.writers,
  ]
}
