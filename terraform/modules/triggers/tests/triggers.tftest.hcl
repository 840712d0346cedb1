mock_provider "google" {}

variables {
  project_id       = "quantsentinel-test"
  environment      = "prod"
  repository       = "projects/quantsentinel-test/locations/asia-south1/connections/github/repositories/quantsentinel"
  deployer         = "qs-deployer@quantsentinel-test.iam.gserviceaccount.com"
  approvers        = { leads = "group:leads@example.com" }
  state_bucket     = "quantsentinel-test-tfstate"
  image_repository = { location = "asia-south1", name = "quantsentinel" }
}

run "only_the_apply_waits_for_an_approval_and_nothing_starts_it_by_itself" {
  command = plan

  assert {
    condition     = google_cloudbuild_trigger.apply.approval_config[0].approval_required && length(google_cloudbuild_trigger.apply.repository_event_config) == 0 && google_cloudbuild_trigger.apply.substitutions["_STAGE"] == "apply"
    error_message = "an apply could start without a person"
  }
  assert {
    condition     = google_cloudbuild_trigger.apply.service_account == "projects/quantsentinel-test/serviceAccounts/qs-deployer@quantsentinel-test.iam.gserviceaccount.com" && google_cloudbuild_trigger.apply.git_file_source[0].path == "cloudbuild.yaml"
    error_message = "somebody else applies, or another file"
  }
}

run "every_push_to_the_one_branch_is_verified_by_an_account_of_its_own" {
  command = plan

  assert {
    condition     = google_cloudbuild_trigger.verify.repository_event_config[0].push[0].branch == "^main$" && google_cloudbuild_trigger.verify.substitutions["_STAGE"] == "verify" && google_cloudbuild_trigger.verify.filename == "cloudbuild.yaml"
    error_message = "another branch or stage"
  }
  assert {
    condition     = google_cloudbuild_trigger.verify.substitutions == tomap({ _STAGE = "verify", _ENV = "prod", _REGION = "asia-south1", _BUCKET = "quantsentinel-test-tfstate" })
    error_message = "the build would be told otherwise"
  }
  assert {
    condition     = alltrue([for role in keys(google_project_iam_member.verifier) : can(regex("(?i)(viewer|reader|reviewer|logWriter|ondemandscanning\\.admin)$", role))])
    error_message = "the verifier may change what runs"
  }
  assert {
    condition     = !contains(keys(google_project_iam_member.verifier), "roles/datastore.viewer") && alltrue([for permission in google_project_iam_custom_role.reads_settings.permissions : can(regex("^(datastore\\.(backupSchedules|databases|indexes)|storage\\.buckets)\\.(get|list|getMetadata)$", permission))])
    error_message = "the verifier may read documents or objects"
  }
  assert {
    condition     = google_storage_bucket_iam_member.reads.role == "roles/storage.objectViewer" && google_storage_bucket_iam_member.adds_releases.role == "roles/storage.objectCreator" && strcontains(google_storage_bucket_iam_member.adds_releases.condition[0].expression, "/objects/releases/") && endswith(google_storage_bucket_iam_member.locks.condition[0].expression, "/quantsentinel/prod/default.tflock'")
    error_message = "the verifier may write the state"
  }
}

run "a_branch_with_a_dot_is_itself_and_no_pattern" {
  command = plan
  variables {
    branch = "release/1.2"
  }
  assert {
    condition     = google_cloudbuild_trigger.verify.repository_event_config[0].push[0].branch == "^release/1\\.2$"
    error_message = "release/1x2 would be delivered too"
  }
}

run "recorded_market_data_is_named_when_there_is_some" {
  command = plan
  variables {
    marketdata = "gs://quantsentinel-test-data/marketdata"
  }
  assert {
    condition     = google_cloudbuild_trigger.verify.substitutions["_MARKETDATA"] == "gs://quantsentinel-test-data/marketdata"
    error_message = "the tests would not find it"
  }
}

run "approvers_approve_and_do_nothing_else" {
  command = plan

  assert {
    condition     = google_project_iam_member.approver["leads"].role == "roles/cloudbuild.builds.approver" && google_project_iam_member.approver["leads"].member == "group:leads@example.com"
    error_message = "nobody can approve"
  }
  assert {
    condition     = toset(keys(google_project_iam_member.deployer)) == toset(["roles/cloudbuild.builds.viewer", "roles/logging.logWriter"])
    error_message = "the deployer gets more than it needs to see its approval"
  }
}

run "without_people_who_approve_it_is_refused" {
  command = plan
  variables {
    approvers = {}
  }
  expect_failures = [var.approvers]
}

run "a_machine_that_approves_is_refused" {
  command = plan
  variables {
    approvers = { robot = "serviceAccount:qs-deployer@quantsentinel-test.iam.gserviceaccount.com" }
  }
  expect_failures = [var.approvers]
}

run "the_deployer_as_its_own_verifier_is_refused" {
  command = plan
  variables {
    account_id = "qs-deployer"
  }
  expect_failures = [var.deployer]
}

run "a_default_account_is_refused" {
  command = plan
  variables {
    deployer = "123456789012-compute@developer.gserviceaccount.com"
  }
  expect_failures = [var.deployer]
}

run "a_branch_that_is_a_pattern_is_refused" {
  command = plan
  variables {
    branch = ".*"
  }
  expect_failures = [var.branch]
}

run "a_repository_by_its_name_alone_is_refused" {
  command = plan
  variables {
    repository = "example/quantsentinel"
  }
  expect_failures = [var.repository]
}
