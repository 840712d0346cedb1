mock_provider "google" {}

variables {
  project_id = "quantsentinel-test"
  name       = "poll_market"
  cron       = "* 8-20 * * *"
  topic      = "tick.poll_market"
}

run "a_schedule_beats_in_indian_time_on_its_topic" {
  command = plan

  assert {
    condition     = google_cloud_scheduler_job.this.name == "qs-poll-market" && google_cloud_scheduler_job.this.schedule == "* 8-20 * * *" && google_cloud_scheduler_job.this.time_zone == "Asia/Kolkata"
    error_message = "it does not beat in market hours in IST"
  }
  assert {
    condition     = google_cloud_scheduler_job.this.pubsub_target[0].topic_name == "projects/quantsentinel-test/topics/tick.poll_market" && base64decode(google_cloud_scheduler_job.this.pubsub_target[0].data) == "{}" && length(google_cloud_scheduler_job.this.http_target) == 0
    error_message = "it does not publish on its topic"
  }
  assert {
    condition     = google_cloud_scheduler_job.this.retry_config[0].retry_count == 3 && google_cloud_scheduler_job.this.paused == false
    error_message = "a beat that failed is not tried again"
  }
}

run "a_job_is_started_with_its_own_account" {
  command = plan

  variables {
    name  = "check_deployment"
    cron  = "30 7 * * 1-5"
    topic = null
    job   = { name = "qs-check-deployment", service_account = "qs-check-deployment-beat@quantsentinel-test.iam.gserviceaccount.com" }
  }

  assert {
    condition     = google_cloud_scheduler_job.this.http_target[0].uri == "https://run.googleapis.com/v2/projects/quantsentinel-test/locations/asia-south1/jobs/qs-check-deployment:run" && google_cloud_scheduler_job.this.http_target[0].http_method == "POST" && google_cloud_scheduler_job.this.http_target[0].oauth_token[0].service_account_email == "qs-check-deployment-beat@quantsentinel-test.iam.gserviceaccount.com" && google_cloud_scheduler_job.this.attempt_deadline == "180s"
    error_message = "it does not start the job as the schedule's account"
  }
}

run "another_zone_than_indias_is_refused" {
  command = plan
  variables {
    time_zone = "UTC"
  }
  expect_failures = [var.time_zone]
}

run "seconds_in_a_cron_are_refused" {
  command = plan
  variables {
    cron = "*/15 * 8-20 * * *"
  }
  expect_failures = [var.cron]
}

run "a_schedule_for_nothing_is_refused" {
  command = plan
  variables {
    topic = null
  }
  expect_failures = [var.topic]
}
