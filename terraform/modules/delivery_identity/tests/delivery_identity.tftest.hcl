mock_provider "google" {}

variables {
  project_id     = "quantsentinel-test"
  project_number = "123456789012"
  repository     = "example/quantsentinel"
}

run "one_branch_of_one_repository_is_trusted_and_has_no_role_yet" {
  command = plan

  assert {
    condition     = google_iam_workload_identity_pool_provider.ci.attribute_condition == "assertion.repository == 'example/quantsentinel' && assertion.ref == 'refs/heads/main'"
    error_message = "another pipeline could deliver"
  }
  assert {
    condition     = google_iam_workload_identity_pool_provider.ci.oidc[0].issuer_uri == "https://token.actions.githubusercontent.com"
    error_message = "another issuer is trusted"
  }
  assert {
    condition     = google_iam_workload_identity_pool_provider.ci.attribute_mapping["google.subject"] == "assertion.sub" && google_iam_workload_identity_pool_provider.ci.attribute_mapping["attribute.repository"] == "assertion.repository"
    error_message = "the claims are mapped otherwise"
  }
  assert {
    condition     = google_service_account_iam_member.federated.role == "roles/iam.workloadIdentityUser" && google_service_account_iam_member.federated.member == "principalSet://iam.googleapis.com/projects/123456789012/locations/global/workloadIdentityPools/quantsentinel-ci/attribute.repository/example/quantsentinel"
    error_message = "somebody else may become the deployer"
  }
  assert {
    condition = 0 == sum([
      length(google_cloud_run_v2_service_iam_member.deployer), length(google_cloud_run_v2_job_iam_member.deployer), length(google_service_account_iam_member.acts_as), length(google_project_iam_member.apply),
      length(google_project_iam_member.grants), length(google_storage_bucket_iam_member.state), length(google_artifact_registry_repository_iam_member.deployer),
    ])
    error_message = "the deployer may do what nobody asked for"
  }
  assert {
    condition     = output.provider == "projects/123456789012/locations/global/workloadIdentityPools/quantsentinel-ci/providers/github" && output.service_account == "qs-deployer@quantsentinel-test.iam.gserviceaccount.com"
    error_message = "the pipeline would not find its identity"
  }
}

run "a_deployer_of_images_has_roles_on_named_resources_only" {
  command = plan

  variables {
    repository_id    = "987654321"
    branch           = "release/2026"
    services         = { decide = { location = "asia-south1", name = "qs-decide" } }
    jobs             = { train = { location = "asia-south1", name = "qs-train" } }
    accounts         = { decide = "projects/quantsentinel-test/serviceAccounts/qs-decide@quantsentinel-test.iam.gserviceaccount.com" }
    image_repository = { location = "asia-south1", name = "quantsentinel" }
    state_bucket     = "quantsentinel-test-tfstate"
  }

  assert {
    condition     = output.attribute_condition == "assertion.repository == 'example/quantsentinel' && assertion.ref == 'refs/heads/release/2026' && assertion.repository_id == '987654321'"
    error_message = "a repository of the same name could deliver"
  }
  assert {
    condition     = google_cloud_run_v2_service_iam_member.deployer["decide"].role == "roles/run.developer" && google_cloud_run_v2_service_iam_member.deployer["decide"].name == "qs-decide" && google_cloud_run_v2_job_iam_member.deployer["train"].role == "roles/run.developer"
    error_message = "revisions cannot be deployed"
  }
  assert {
    condition     = google_service_account_iam_member.acts_as["decide"].role == "roles/iam.serviceAccountUser" && google_service_account_iam_member.acts_as["decide"].service_account_id == "projects/quantsentinel-test/serviceAccounts/qs-decide@quantsentinel-test.iam.gserviceaccount.com"
    error_message = "it acts as another account"
  }
  assert {
    condition     = google_artifact_registry_repository_iam_member.deployer["images"].role == "roles/artifactregistry.writer" && google_storage_bucket_iam_member.state["state"].role == "roles/storage.objectUser"
    error_message = "images cannot be pushed, or state not written"
  }
  assert {
    condition     = length(google_project_iam_member.apply) + length(google_project_iam_member.grants) == 0
    error_message = "a deployer of images has a role on the whole project"
  }
  assert {
    condition     = alltrue([for member in [google_cloud_run_v2_service_iam_member.deployer["decide"].member, google_service_account_iam_member.acts_as["decide"].member] : member == "serviceAccount:qs-deployer@quantsentinel-test.iam.gserviceaccount.com"])
    error_message = "another member than the deployer"
  }
}

run "one_that_applies_everything_can_grant_two_roles_and_not_change_whom_it_trusts" {
  command = plan

  variables {
    may_apply   = true
    extra_roles = ["roles/compute.networkAdmin"]
  }

  assert {
    condition     = alltrue([for role in keys(google_project_iam_member.apply) : !contains(["roles/owner", "roles/editor", "roles/viewer", "roles/iam.workloadIdentityPoolAdmin", "roles/iam.serviceAccountKeyAdmin", "roles/iam.securityAdmin", "roles/iam.serviceAccountTokenCreator"], role)]) && length(google_project_iam_member.apply) == 14 && contains(keys(google_project_iam_member.apply), "roles/compute.networkAdmin")
    error_message = "a role that is too wide"
  }
  assert {
    condition     = google_project_iam_member.grants["grants"].role == "roles/resourcemanager.projectIamAdmin" && one(google_project_iam_member.grants["grants"].condition).expression == "api.getAttribute('iam.googleapis.com/modifiedGrantsByRole', []).hasOnly(['roles/datastore.user', 'roles/datastore.viewer'])"
    error_message = "it could grant itself anything"
  }
}

run "a_wildcard_a_wide_role_and_what_iam_would_not_take_are_refused" {
  command = plan

  variables {
    project_id      = "Bad"
    project_number  = "my-project"
    repository      = "example/*"
    repository_id   = "example"
    branch          = "refs/heads/main"
    issuer          = { uri = "http://issuer.example" }
    pool_id         = "ci"
    provider_id     = "gcp-github"
    account_id      = "ci"
    accounts        = { default = "projects/p/serviceAccounts/123-compute@developer.gserviceaccount.com" }
    grantable_roles = ["roles/owner"]
    extra_roles     = ["roles/resourcemanager.projectIamAdmin"]
  }

  expect_failures = [
    var.project_id, var.project_number, var.repository, var.repository_id, var.branch, var.issuer, var.pool_id, var.provider_id,
    var.account_id, var.accounts, var.grantable_roles, var.extra_roles,
  ]
}
