mock_provider "google" {
  override_during = plan

  mock_resource "google_cloud_run_v2_service" {
    defaults = { uri = "https://qs-decide-abc-el.a.run.app" }
  }
}

variables {
  project_id     = "quantsentinel-test"
  project_number = "123456789012"
  name           = "decide"
  topic          = "snapshot.taken"
  publishes      = { "cycle.decided" = "cycle.decided" }
  image          = "asia-south1-docker.pkg.dev/quantsentinel-test/quantsentinel/serve@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
  env            = { QS_PROFILE = "google", QS_UPSTOX_TOKEN_FILE = "/secrets/upstox-token/value" }
  secrets        = { upstox-token = "/secrets/upstox-token" }
  labels         = { app = "quantsentinel", env = "prod" }
  row = {
    description = "One market pass per accepted snapshot"
    trigger = {
      kind         = "pubsub"
      topic        = "snapshot.taken"
      subscription = { ack_deadline_s = 65, min_backoff_s = 10, max_backoff_s = 600, max_delivery_attempts = 100 }
    }
    memory_mb     = 512
    cpu           = 1
    timeout_s     = 60
    concurrency   = 2
    threads       = 2
    min_instances = 1
    max_instances = 4
    permissions   = { secrets = ["upstox-token"], secret_versions_added = [] }
  }
}

run "a_pushed_function_is_private_and_runs_as_itself_from_a_digest" {
  command = plan

  override_resource {
    override_during = plan
    target          = google_service_account.this
    values          = { email = "qs-decide@quantsentinel-test.iam.gserviceaccount.com", member = "serviceAccount:qs-decide@quantsentinel-test.iam.gserviceaccount.com" }
  }
  override_resource {
    override_during = plan
    target          = google_service_account.push
    values          = { email = "qs-decide-push@quantsentinel-test.iam.gserviceaccount.com", member = "serviceAccount:qs-decide-push@quantsentinel-test.iam.gserviceaccount.com", name = "projects/quantsentinel-test/serviceAccounts/qs-decide-push@quantsentinel-test.iam.gserviceaccount.com" }
  }

  assert {
    condition     = google_cloud_run_v2_service.this.ingress == "INGRESS_TRAFFIC_INTERNAL_ONLY" && !google_cloud_run_v2_service.this.invoker_iam_disabled && google_cloud_run_v2_service.this.deletion_protection
    error_message = "the service can be reached from outside, called without an identity, or deleted"
  }
  assert {
    condition     = google_service_account.this.account_id == "qs-decide" && google_cloud_run_v2_service.this.template[0].service_account == google_service_account.this.email
    error_message = "the service does not run as its own account"
  }
  assert {
    condition     = google_cloud_run_v2_service.this.template[0].containers[0].image == var.image
    error_message = "another image than the given digest"
  }
  assert {
    condition     = google_cloud_run_v2_service.this.template[0].max_instance_request_concurrency == 2 && google_cloud_run_v2_service.this.template[0].timeout == "60s" && google_cloud_run_v2_service.this.template[0].scaling[0].min_instance_count == 1 && google_cloud_run_v2_service.this.template[0].scaling[0].max_instance_count == 4
    error_message = "concurrency, timeout or instances are not the map's"
  }
  assert {
    condition     = google_cloud_run_v2_service.this.template[0].containers[0].resources[0].startup_cpu_boost && google_cloud_run_v2_service.this.template[0].containers[0].resources[0].limits == tomap({ cpu = "1", memory = "512Mi" }) && google_cloud_run_v2_service.this.template[0].containers[0].startup_probe[0].tcp_socket[0].port == 8080
    error_message = "no CPU boost, other limits, or no startup probe"
  }
  assert {
    condition = { for item in google_cloud_run_v2_service.this.template[0].containers[0].env : item.name => item.value } == {
      FUNCTION_TARGET      = "decide"
      FUNCTION_SOURCE      = "functions/decide/main.py"
      THREADS              = "2"
      QS_PROFILE           = "google"
      QS_UPSTOX_TOKEN_FILE = "/secrets/upstox-token/value"
    }
    error_message = "the environment is not what was given plus target, source and threads"
  }
  assert {
    condition     = google_cloud_run_v2_service.this.template[0].volumes[0].secret[0].secret == "upstox-token" && google_cloud_run_v2_service.this.template[0].volumes[0].secret[0].items[0].path == "value" && google_cloud_run_v2_service.this.template[0].containers[0].volume_mounts[0].mount_path == "/secrets/upstox-token"
    error_message = "the secret is not the file /secrets/upstox-token/value"
  }
  assert {
    condition     = google_cloud_run_v2_service.this.traffic[0].type == "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST" && google_cloud_run_v2_service.this.traffic[0].percent == 100
    error_message = "traffic does not go to the newest revision"
  }
  assert {
    condition     = google_cloud_run_v2_service.this.labels == tomap({ app = "quantsentinel", env = "prod", part = "decide" }) && google_cloud_run_v2_service.this.template[0].labels == google_cloud_run_v2_service.this.labels
    error_message = "labels are missing"
  }

  # IAM, exact: what stands here and no more.
  assert {
    condition     = [for key, grant in google_secret_manager_secret_iam_member.reader : "${grant.secret_id} ${grant.role} ${grant.member}"] == ["upstox-token roles/secretmanager.secretAccessor serviceAccount:qs-decide@quantsentinel-test.iam.gserviceaccount.com"]
    error_message = "the function reads other secrets than the granted one"
  }
  assert {
    condition     = [for key, grant in google_pubsub_topic_iam_member.publisher : "${grant.topic} ${grant.role} ${grant.member}"] == ["cycle.decided roles/pubsub.publisher serviceAccount:qs-decide@quantsentinel-test.iam.gserviceaccount.com"]
    error_message = "the function publishes elsewhere than the map says"
  }
  assert {
    condition     = length(google_secret_manager_secret_iam_member.adder) == 0 && length(google_cloud_run_v2_service_iam_member.invoker) == 0
    error_message = "somebody was granted more"
  }
  assert {
    condition     = [for grant in google_cloud_run_v2_service_iam_member.push : "${grant.name} ${grant.role} ${grant.member}"] == ["qs-decide roles/run.invoker serviceAccount:qs-decide-push@quantsentinel-test.iam.gserviceaccount.com"]
    error_message = "the push account may call something else, or somebody else may call this"
  }
  assert {
    condition     = [for grant in google_service_account_iam_member.push_token : "${grant.service_account_id} ${grant.role} ${grant.member}"] == ["projects/quantsentinel-test/serviceAccounts/qs-decide-push@quantsentinel-test.iam.gserviceaccount.com roles/iam.serviceAccountOpenIdTokenCreator serviceAccount:service-123456789012@gcp-sa-pubsub.iam.gserviceaccount.com"]
    error_message = "Pub/Sub cannot sign its pushes, or somebody else can"
  }
  assert {
    condition     = output.subscription == "decide" && output.dead_letter_subscription == "decide.dead" && output.push_account == "qs-decide-push@quantsentinel-test.iam.gserviceaccount.com"
    error_message = "no subscription or no dead letter with a subscription of its own"
  }
  assert {
    condition     = google_cloud_run_v2_service.this.custom_audiences == tolist(["https://qs-decide.quantsentinel-test"])
    error_message = "the service does not take the audience of its pushes"
  }
}

run "each_alert_is_there_and_tells_the_channels" {
  command = plan
  variables {
    alert_channels = ["projects/quantsentinel-test/notificationChannels/1"]
  }

  assert {
    condition     = strcontains(google_monitoring_alert_policy.errors.conditions[0].condition_threshold[0].filter, "response_code_class = \"5xx\"") && google_monitoring_alert_policy.errors.conditions[0].condition_threshold[0].denominator_filter != ""
    error_message = "no alert on the ratio of 5xx"
  }
  assert {
    condition     = google_monitoring_alert_policy.at_max[0].conditions[0].condition_threshold[0].threshold_value == 3.5
    error_message = "no alert on four busy instances"
  }
  assert {
    condition     = strcontains(google_monitoring_alert_policy.dead_letters[0].conditions[0].condition_threshold[0].filter, "subscription_id = \"decide.dead\"") && google_monitoring_alert_policy.dead_letters[0].conditions[0].condition_threshold[0].threshold_value == 0 && google_monitoring_alert_policy.dead_letters[0].severity == "CRITICAL"
    error_message = "no alert on the first dead letter"
  }
  assert {
    condition     = strcontains(google_monitoring_alert_policy.oldest_unacked[0].conditions[0].condition_threshold[0].filter, "subscription_id = \"decide\"") && google_monitoring_alert_policy.oldest_unacked[0].conditions[0].condition_threshold[0].threshold_value == 300
    error_message = "no alert on the age of the oldest message"
  }
  assert {
    condition = alltrue([for policy in [
      google_monitoring_alert_policy.errors, google_monitoring_alert_policy.at_max[0],
      google_monitoring_alert_policy.dead_letters[0], google_monitoring_alert_policy.oldest_unacked[0],
    ] : policy.notification_channels == tolist(["projects/quantsentinel-test/notificationChannels/1"]) && policy.user_labels.part == "decide"])
    error_message = "an alert tells nobody"
  }
}

run "a_canary_keeps_most_of_the_traffic_on_the_revision_before" {
  command = plan
  variables {
    traffic = { LATEST = 10, qs-decide-00007-abc = 90 }
  }

  assert {
    condition     = { for item in google_cloud_run_v2_service.this.traffic : coalesce(item.revision, "newest") => item.percent } == { newest = 10, qs-decide-00007-abc = 90 }
    error_message = "the split is not the given one"
  }
}

run "static_egress_sends_everything_through_the_network_and_dev_can_be_torn_down" {
  command = plan
  variables {
    network   = { network = "qs-egress", subnetwork = "qs-egress" }
    protected = false
  }

  assert {
    condition     = google_cloud_run_v2_service.this.template[0].vpc_access[0].egress == "ALL_TRAFFIC" && google_cloud_run_v2_service.this.template[0].vpc_access[0].network_interfaces[0].subnetwork == "qs-egress"
    error_message = "egress does not go through the static address"
  }
  assert {
    condition     = !google_cloud_run_v2_service.this.deletion_protection
    error_message = "dev cannot be torn down"
  }
}

run "a_named_http_function_that_asks_for_a_secret_of_its_own_needs_no_public_member" {
  command = plan
  variables {
    name    = "kill_switch"
    topic   = null
    secrets = {}
    env     = {}
    row = {
      description   = "One market pass per accepted snapshot"
      trigger       = { kind = "http", ingress = "all", invokers = "public_with_secret" }
      memory_mb     = 512
      cpu           = 1
      timeout_s     = 60
      concurrency   = 2
      threads       = 2
      min_instances = 0
      max_instances = 1
      permissions   = { secrets = [], secret_versions_added = [] }
    }
  }

  assert {
    condition     = google_cloud_run_v2_service.this.ingress == "INGRESS_TRAFFIC_ALL" && google_cloud_run_v2_service.this.invoker_iam_disabled
    error_message = "people cannot reach it"
  }
  assert {
    condition     = length(google_cloud_run_v2_service_iam_member.invoker) + length(google_cloud_run_v2_service_iam_member.push) + length(google_service_account.push) + length(google_service_account_iam_member.push_token) + length(module.subscription) == 0
    error_message = "an HTTP function has a push, or a member that may call it"
  }
  assert {
    condition     = length(google_monitoring_alert_policy.dead_letters) + length(google_monitoring_alert_policy.oldest_unacked) + length(google_monitoring_alert_policy.at_max) == 0 && google_monitoring_alert_policy.errors.severity == "ERROR"
    error_message = "alerts on what it does not have"
  }
}

run "an_http_function_of_operators_is_called_by_them_alone_and_may_add_the_secrets_it_rotates" {
  command = plan
  variables {
    name     = "rotate_token"
    topic    = null
    secrets  = {}
    env      = {}
    invokers = { operators = "group:operators@example.com" }
    row = {
      description   = "One market pass per accepted snapshot"
      trigger       = { kind = "http", ingress = "all", invokers = "operators" }
      memory_mb     = 512
      cpu           = 1
      timeout_s     = 60
      concurrency   = 2
      threads       = 2
      min_instances = 0
      max_instances = 4
      permissions   = { secrets = [], secret_versions_added = ["upstox-token"] }
    }
  }

  assert {
    condition     = { for key, grant in google_cloud_run_v2_service_iam_member.invoker : key => "${grant.name} ${grant.role} ${grant.member}" } == { operators = "qs-rotate-token roles/run.invoker group:operators@example.com" } && !google_cloud_run_v2_service.this.invoker_iam_disabled
    error_message = "somebody else than the operators may call it"
  }
  assert {
    condition     = [for key, grant in google_secret_manager_secret_iam_member.adder : "${grant.secret_id} ${grant.role}"] == ["upstox-token roles/secretmanager.secretVersionAdder"] && length(google_secret_manager_secret_iam_member.reader) == 0
    error_message = "it may do more with the secret than add a version"
  }
}

# --- Refused, with the function and the rule ---
run "more_at_once_than_threads_is_refused" {
  command = plan
  variables {
    row = {
      description   = "One market pass per accepted snapshot"
      trigger       = { kind = "pubsub", topic = "snapshot.taken", subscription = { ack_deadline_s = 65, min_backoff_s = 10, max_backoff_s = 600, max_delivery_attempts = 100 } }
      memory_mb     = 512
      cpu           = 1
      timeout_s     = 60
      concurrency   = 3
      threads       = 2
      min_instances = 0
      max_instances = 4
      permissions   = { secrets = ["upstox-token"], secret_versions_added = [] }
    }
  }
  expect_failures = [var.row]
}

run "a_function_that_outlives_its_deadline_is_refused" {
  command = plan
  variables {
    row = {
      description   = "One market pass per accepted snapshot"
      trigger       = { kind = "pubsub", topic = "snapshot.taken", subscription = { ack_deadline_s = 65, min_backoff_s = 10, max_backoff_s = 600, max_delivery_attempts = 100 } }
      memory_mb     = 512
      cpu           = 1
      timeout_s     = 61
      concurrency   = 2
      threads       = 2
      min_instances = 0
      max_instances = 4
      permissions   = { secrets = ["upstox-token"], secret_versions_added = [] }
    }
  }
  expect_failures = [var.row]
}

# Each variable's own message is read in tests/terraform/test_refusals.py.
run "tags_public_callers_secrets_in_the_environment_and_what_the_map_does_not_grant_are_refused" {
  command = plan
  variables {
    image          = "asia-south1-docker.pkg.dev/quantsentinel-test/quantsentinel/serve:latest"
    topic          = "cycle.decided"
    publishes      = { "decide.dead" = "decide.dead" }
    env            = { QS_UPSTOX_TOKEN = "secret" }
    secrets        = { upstox-token = "/secrets/upstox-token", telegram-token = "/secrets/telegram-token" }
    traffic        = { LATEST = 10, qs-decide-00007-abc = 80 }
    invokers       = { everybody = "allUsers" }
    project_number = "quantsentinel-test"
    labels         = { App = "Quantsentinel" }
  }
  expect_failures = [var.image, var.topic, var.publishes, var.env, var.secrets, var.traffic, var.invokers, var.project_number, var.labels]
}

run "what_this_module_sets_itself_mounts_elsewhere_and_other_functions_revisions_are_refused" {
  command = plan
  variables {
    env      = { THREADS = "80" }
    secrets  = { upstox-token = "/tmp" }
    traffic  = { LATEST = 10, qs-deliver-00007-abc = 90 }
    invokers = { operators = "group:operators@example.com" }
  }
  expect_failures = [var.env, var.secrets, var.traffic, var.invokers]
}
