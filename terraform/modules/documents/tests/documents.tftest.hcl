mock_provider "google" {}

variables {
  project_id      = "quantsentinel-test"
  ttl_collections = ["inbox", "dropped"]
  indexes = [
    { collection = "audit", fields = [{ path = "cycle_id", order = "ASCENDING" }, { path = "seq", order = "DESCENDING" }] },
    { collection = "tenants", scope = "COLLECTION_GROUP", fields = [{ path = "served", array = "CONTAINS" }, { path = "name", order = "ASCENDING" }] },
  ]
}

run "production_is_recoverable_and_cannot_be_deleted" {
  command = plan

  assert {
    condition     = google_firestore_database.this.point_in_time_recovery_enablement == "POINT_IN_TIME_RECOVERY_ENABLED"
    error_message = "no point-in-time recovery"
  }
  assert {
    condition     = google_firestore_database.this.delete_protection_state == "DELETE_PROTECTION_ENABLED" && google_firestore_database.this.deletion_policy == "PREVENT"
    error_message = "the database could be deleted"
  }
  assert {
    condition     = google_firestore_database.this.name == "(default)" && google_firestore_database.this.location_id == "asia-south1" && google_firestore_database.this.type == "FIRESTORE_NATIVE"
    error_message = "another database than the code's"
  }
  assert {
    condition     = google_firestore_backup_schedule.daily.retention == "604800s" && google_firestore_backup_schedule.weekly.retention == "4838400s" && google_firestore_backup_schedule.weekly.weekly_recurrence[0].day == "SUNDAY"
    error_message = "backups are not daily for 7 days and weekly for 8 weeks"
  }
  assert {
    condition     = { for key, field in google_firestore_field.expiring : key => "${field.collection}.${field.field} ${length(field.ttl_config)}" } == { inbox = "inbox.expire_at 1", dropped = "dropped.expire_at 1" }
    error_message = "expiring documents do not end"
  }
  assert {
    condition = { for key, index in google_firestore_index.composite : key => [for field in index.fields : "${field.field_path} ${coalesce(field.order, field.array_config)}"] } == {
      "audit/COLLECTION/cycle_id:ASCENDING/seq:DESCENDING"      = ["cycle_id ASCENDING", "seq DESCENDING"]
      "tenants/COLLECTION_GROUP/served:CONTAINS/name:ASCENDING" = ["served CONTAINS", "name ASCENDING"]
    }
    error_message = "the indexes are not those declared"
  }
  assert {
    condition     = strcontains(one(google_firebaserules_ruleset.deny_all.source[0].files).content, "allow read, write: if false;") && length(regexall("allow", one(google_firebaserules_ruleset.deny_all.source[0].files).content)) == 1
    error_message = "the rules let somebody in"
  }
  assert {
    condition     = google_firebaserules_release.firestore.name == "cloud.firestore"
    error_message = "the rules are not in force"
  }
  assert {
    condition     = length(google_project_iam_member.reader) + length(google_project_iam_member.writer) == 0
    error_message = "somebody has access who was not given it"
  }
}

run "another_database_of_an_environment_that_is_torn_down" {
  command = plan

  variables {
    database  = "tenant-large"
    protected = false
    kms_key   = "projects/keys/locations/asia-south1/keyRings/qs/cryptoKeys/documents"
    readers   = { tenant_api = "serviceAccount:qs-tenant-api@quantsentinel-test.iam.gserviceaccount.com" }
    writers   = { decide = "serviceAccount:qs-decide@quantsentinel-test.iam.gserviceaccount.com" }
  }

  assert {
    condition     = google_firestore_database.this.delete_protection_state == "DELETE_PROTECTION_DISABLED" && google_firestore_database.this.deletion_policy == "DELETE"
    error_message = "terraform destroy would fail or leave the database behind"
  }
  assert {
    condition     = google_firestore_database.this.point_in_time_recovery_enablement == "POINT_IN_TIME_RECOVERY_ENABLED"
    error_message = "no point-in-time recovery"
  }
  assert {
    condition     = google_firestore_database.this.cmek_config[0].kms_key_name == "projects/keys/locations/asia-south1/keyRings/qs/cryptoKeys/documents"
    error_message = "the key is not used"
  }
  assert {
    condition     = google_firebaserules_release.firestore.name == "cloud.firestore/tenant-large"
    error_message = "the rules are in force for another database"
  }
  assert {
    condition = { for key, binding in merge(google_project_iam_member.reader, google_project_iam_member.writer) : key => "${binding.role} ${binding.member} ${one(binding.condition).expression}" } == {
      tenant_api = "roles/datastore.viewer serviceAccount:qs-tenant-api@quantsentinel-test.iam.gserviceaccount.com resource.name == \"projects/quantsentinel-test/databases/tenant-large\""
      decide     = "roles/datastore.user serviceAccount:qs-decide@quantsentinel-test.iam.gserviceaccount.com resource.name == \"projects/quantsentinel-test/databases/tenant-large\""
    }
    error_message = "a role is missing, too wide, or reaches another database"
  }
}

run "what_firestore_would_not_take_is_refused" {
  command = plan

  variables {
    project_id      = "Bad"
    database        = "x"
    location        = "India"
    kms_key         = "documents"
    ttl_collections = ["tenants/acme/inbox"]
    backup          = { daily_days = 99, weekly_weeks = 15, weekly_day = "Sunday" }
    readers         = { everybody = "allUsers" }
    indexes = [
      { collection = "audit", fields = [{ path = "cycle_id", order = "ASCENDING" }] },
      { collection = "audit", scope = "EVERYWHERE", fields = [{ path = "a", order = "UP" }, { path = "__name__", order = "ASCENDING" }] },
    ]
  }

  expect_failures = [
    var.project_id, var.database, var.location, var.kms_key, var.ttl_collections, var.backup, var.readers, var.indexes,
  ]
}

run "an_index_declared_twice_and_a_reader_who_writes_are_refused" {
  command = plan

  variables {
    indexes = [
      { collection = "audit", fields = [{ path = "cycle_id", order = "ASCENDING" }, { path = "seq", order = "ASCENDING" }] },
      { collection = "audit", fields = [{ path = "cycle_id", order = "ASCENDING" }, { path = "seq", order = "ASCENDING" }] },
    ]
    readers = { decide = "serviceAccount:qs-decide@quantsentinel-test.iam.gserviceaccount.com" }
    writers = { decide = "serviceAccount:qs-decide@quantsentinel-test.iam.gserviceaccount.com" }
  }

  expect_failures = [var.indexes, var.writers]
}
