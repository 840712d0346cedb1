mock_provider "google" {
  override_during = plan
}

variables {
  project_id = "quantsentinel-test"
  name       = "check_deployment"
  image      = "asia-south1-docker.pkg.dev/quantsentinel-test/quantsentinel/batch@sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
  env        = { QS_PROFILE = "google" }
  secrets    = { upstox-token = "/secrets/upstox-token" }
  labels     = { app = "quantsentinel", env = "prod" }
  row = {
    description = "Asks the whole deployment whether it is ready"
    command     = ["qs", "doctor", "--json"]
    schedule    = "30 7 * * 1-5"
    time_zone   = "Asia/Kolkata"
    memory_mb   = 1024
    cpu         = 1
    timeout_s   = 600
    permissions = { secrets = ["upstox-token"], secret_versions_added = [] }
  }
}

run "a_job_runs_as_itself_from_a_digest_and_its_schedule_alone_starts_it" {
  command = plan

  override_resource {
    override_during = plan
    target          = google_service_account.this
    values          = { email = "qs-check-deployment@quantsentinel-test.iam.gserviceaccount.com", member = "serviceAccount:qs-check-deployment@quantsentinel-test.iam.gserviceaccount.com" }
  }
  override_resource {
    override_during = plan
    target          = google_service_account.beat
    values          = { email = "qs-check-deployment-beat@quantsentinel-test.iam.gserviceaccount.com", member = "serviceAccount:qs-check-deployment-beat@quantsentinel-test.iam.gserviceaccount.com" }
  }

  assert {
    condition     = google_cloud_run_v2_job.this.template[0].template[0].service_account == "qs-check-deployment@quantsentinel-test.iam.gserviceaccount.com" && google_service_account.this.account_id == "qs-check-deployment" && google_cloud_run_v2_job.this.deletion_protection
    error_message = "the job does not run as its own account, or can be removed"
  }
  assert {
    condition     = google_cloud_run_v2_job.this.template[0].template[0].containers[0].image == var.image && google_cloud_run_v2_job.this.template[0].template[0].containers[0].command == tolist(["qs"]) && google_cloud_run_v2_job.this.template[0].template[0].containers[0].args == tolist(["doctor", "--json"]) && google_cloud_run_v2_job.this.template[0].template[0].timeout == "600s"
    error_message = "another image, command or timeout"
  }
  assert {
    condition     = google_cloud_run_v2_job.this.template[0].template[0].volumes[0].secret[0].items[0].path == "value" && google_cloud_run_v2_job.this.template[0].template[0].containers[0].volume_mounts[0].mount_path == "/secrets/upstox-token"
    error_message = "the secret is not the file /secrets/upstox-token/value"
  }
  assert {
    condition     = "${google_cloud_run_v2_job_iam_member.beat.name} ${google_cloud_run_v2_job_iam_member.beat.role} ${google_cloud_run_v2_job_iam_member.beat.member}" == "qs-check-deployment roles/run.invoker serviceAccount:qs-check-deployment-beat@quantsentinel-test.iam.gserviceaccount.com"
    error_message = "the schedule may not start the job"
  }
  assert {
    condition     = [for key, grant in google_secret_manager_secret_iam_member.reader : "${grant.secret_id} ${grant.role} ${grant.member}"] == ["upstox-token roles/secretmanager.secretAccessor serviceAccount:qs-check-deployment@quantsentinel-test.iam.gserviceaccount.com"] && length(google_secret_manager_secret_iam_member.adder) == 0
    error_message = "the job may do more with secrets than read the granted one"
  }
  assert {
    condition     = strcontains(google_monitoring_alert_policy.failed.conditions[0].condition_threshold[0].filter, "job_name = \"qs-check-deployment\"") && google_monitoring_alert_policy.failed.user_labels.part == "check_deployment"
    error_message = "nobody is told when it fails"
  }
  assert {
    condition     = module.schedule.name == "qs-check-deployment"
    error_message = "nothing starts it"
  }
}

run "a_job_from_a_tag_is_refused" {
  command = plan
  variables {
    image = "asia-south1-docker.pkg.dev/quantsentinel-test/quantsentinel/batch:1.0"
  }
  expect_failures = [var.image]
}

run "a_secret_in_the_environment_of_a_job_is_refused" {
  command = plan
  variables {
    env = { QS_KITE_KEY = "k" }
  }
  expect_failures = [var.env]
}
