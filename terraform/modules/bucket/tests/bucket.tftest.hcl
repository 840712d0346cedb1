mock_provider "google" {}

variables {
  project_id = "quantsentinel-test"
  name       = "quantsentinel-test-qs-audit"
  labels     = { app = "quantsentinel", env = "prod", part = "bucket" }
}

run "it_is_private_versioned_and_recoverable" {
  command = plan

  assert {
    condition     = google_storage_bucket.this.public_access_prevention == "enforced" && google_storage_bucket.this.uniform_bucket_level_access
    error_message = "the bucket could be made public"
  }
  assert {
    condition     = google_storage_bucket.this.versioning[0].enabled && google_storage_bucket.this.soft_delete_policy[0].retention_duration_seconds == 604800
    error_message = "what is replaced or deleted is lost"
  }
  assert {
    condition     = google_storage_bucket.this.deletion_policy == "PREVENT" && !google_storage_bucket.this.force_destroy
    error_message = "a plan may remove the bucket"
  }
  assert {
    condition     = google_storage_bucket.this.labels == tomap({ app = "quantsentinel", env = "prod", part = "bucket" })
    error_message = "labels are missing"
  }
  assert {
    condition     = length(google_storage_bucket.this.retention_policy) == 0 && length(google_storage_bucket.this.encryption) == 0
    error_message = "what was not asked for is there"
  }
  assert {
    condition     = length(google_storage_bucket_iam_member.reader) + length(google_storage_bucket_iam_member.writer) + length(google_storage_bucket_iam_member.creator) == 0
    error_message = "somebody may use a bucket that was given to nobody"
  }
}

run "what_is_asked_for_is_there_and_no_more" {
  command = plan

  variables {
    retention_days           = 30
    retention_locked         = true
    noncurrent_versions_days = 14
    nearline_after_days      = 31
    delete_after_days        = 400
    kms_key                  = "projects/keys/locations/asia-south1/keyRings/qs/cryptoKeys/audit"
    readers                  = { decide = "serviceAccount:qs-decide@quantsentinel-test.iam.gserviceaccount.com" }
    writers                  = { poll_market = "serviceAccount:qs-poll-market@quantsentinel-test.iam.gserviceaccount.com" }
    creators                 = { heartbeat = "serviceAccount:qs-heartbeat@quantsentinel-test.iam.gserviceaccount.com" }
  }

  assert {
    condition     = google_storage_bucket.this.retention_policy[0].is_locked && google_storage_bucket.this.retention_policy[0].retention_period == "2592000"
    error_message = "thirty days are not locked"
  }
  assert {
    condition     = google_storage_bucket.this.encryption[0].default_kms_key_name == "projects/keys/locations/asia-south1/keyRings/qs/cryptoKeys/audit"
    error_message = "the key is not used"
  }
  assert {
    condition = [for rule in google_storage_bucket.this.lifecycle_rule : join(" ", [one(rule.action).type, coalesce(one(rule.condition).days_since_noncurrent_time, 0), coalesce(one(rule.condition).age, 0)])] == [
      "Delete 14 0", "AbortIncompleteMultipartUpload 0 7", "SetStorageClass 0 31", "Delete 0 400",
    ]
    error_message = "the lifecycle is another"
  }
  assert {
    condition     = one(google_storage_bucket.this.lifecycle_rule[3].condition).with_state == "LIVE" && one(google_storage_bucket.this.lifecycle_rule[2].action).storage_class == "NEARLINE"
    error_message = "ageing objects do not become cheaper, or old generations are deleted by their age"
  }
  assert {
    condition = {
      for key, binding in merge(google_storage_bucket_iam_member.reader, google_storage_bucket_iam_member.writer, google_storage_bucket_iam_member.creator) :
      key => "${binding.role} ${binding.member}"
      } == {
      decide      = "roles/storage.objectViewer serviceAccount:qs-decide@quantsentinel-test.iam.gserviceaccount.com"
      poll_market = "roles/storage.objectUser serviceAccount:qs-poll-market@quantsentinel-test.iam.gserviceaccount.com"
      heartbeat   = "roles/storage.objectCreator serviceAccount:qs-heartbeat@quantsentinel-test.iam.gserviceaccount.com"
    }
    error_message = "a role is missing or too wide"
  }
}

run "a_development_bucket_can_be_torn_down" {
  command = plan

  variables {
    force_destroy = true
  }

  assert {
    condition     = google_storage_bucket.this.force_destroy && google_storage_bucket.this.deletion_policy == "DELETE"
    error_message = "terraform destroy would fail"
  }
}

run "the_public_and_what_cloud_storage_would_not_take_are_refused" {
  command = plan

  variables {
    project_id               = "Bad"
    protected                = true
    force_destroy            = true
    name                     = "my_google.bucket"
    location                 = "IN"
    labels                   = { App = "x" }
    kms_key                  = "audit"
    soft_delete_days         = 5
    noncurrent_versions_days = 0
    retention_days           = 36525
    nearline_after_days      = 0.5
    readers                  = { everybody = "allUsers" }
    writers                  = { everybody = "allAuthenticatedUsers" }
    creators                 = { everybody = "allUsers" }
  }

  expect_failures = [
    var.project_id, var.name, var.location, var.labels, var.kms_key, var.soft_delete_days, var.noncurrent_versions_days,
    var.retention_days, var.nearline_after_days, var.readers, var.writers, var.creators, var.force_destroy,
  ]
}

run "an_end_before_the_retention_is_over_and_a_locked_bucket_emptied_by_force_are_refused" {
  command = plan

  variables {
    retention_days    = 30
    retention_locked  = true
    delete_after_days = 29
    force_destroy     = true
  }

  expect_failures = [var.delete_after_days, var.retention_locked]
}

run "a_lock_without_a_retention_is_refused" {
  command = plan

  variables {
    retention_locked = true
  }

  expect_failures = [var.retention_locked]
}
