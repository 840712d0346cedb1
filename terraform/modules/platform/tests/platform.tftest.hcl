mock_provider "google" {}

variables {
  project_id          = "quantsentinel-test"
  project_number      = "123456789012"
  environment         = "prod"
  protected           = true
  map                 = jsondecode(file("../../functions.json"))
  indexes             = jsondecode(file("../../indexes.json"))
  serve_image         = "asia-south1-docker.pkg.dev/quantsentinel-test/quantsentinel/serve@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
  batch_image         = "asia-south1-docker.pkg.dev/quantsentinel-test/quantsentinel/batch@sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
  notification_emails = ["operators@example.com"]
  operators           = { operators = "group:operators@example.com" }
}

run "the_map_becomes_a_platform_without_options" {
  command = plan

  assert {
    condition     = output.services == { for name in keys(var.map.functions) : name => "qs-${replace(name, "_", "-")}" }
    error_message = "not every function of the map is a service, or something else is"
  }
  assert {
    condition     = length(output.egress_addresses) == 0 && output.identity_provider == null && length(module.network) == 0 && length(module.delivery_identity) == 0
    error_message = "an option is on that nobody asked for"
  }
  assert {
    condition     = output.image_repository == "asia-south1-docker.pkg.dev/quantsentinel-test/quantsentinel"
    error_message = "images are elsewhere"
  }
  assert {
    condition     = { for key, service in google_project_service.this : key => service.disable_on_destroy if service.disable_on_destroy } == {}
    error_message = "removing this would disable an API that something else may use"
  }
}

run "static_egress_delivery_and_a_budget_are_options" {
  command = plan

  variables {
    static_egress = { functions = ["poll_market"], addresses = 2 }
    delivery      = { repository = "example/quantsentinel", may_apply = true, state_bucket = "example-state" }
    budget        = { billing_account = "012345-6789AB-CDEF01", amount = 25000 }
  }

  assert {
    condition     = local.option_roles == toset(["roles/compute.networkAdmin", "roles/compute.securityAdmin"])
    error_message = "who applies could not make the addresses"
  }

  assert {
    condition     = length(module.network[0].addresses) == 2
    error_message = "there are no static addresses"
  }
  assert {
    condition     = output.identity_provider == "projects/123456789012/locations/global/workloadIdentityPools/quantsentinel-ci/providers/github"
    error_message = "the pipeline has no identity"
  }
  assert {
    condition     = contains(keys(google_project_service.this), "compute.googleapis.com") && contains(keys(google_project_service.this), "billingbudgets.googleapis.com")
    error_message = "an API of an option is not enabled"
  }
}

run "who_decides_may_ask_the_broker_for_margins" {
  command = plan

  variables {
    margin_broker = "upstox"
  }

  assert {
    condition     = local.env["decide"].QS_MARGIN_BROKER == "upstox" && local.env["decide"].QS_UPSTOX_TOKEN_FILE == "/secrets/upstox-token/value"
    error_message = "decide is not told whom to ask, or not with which token"
  }
  assert {
    condition     = [for name, row in local.functions : name if contains(row.permissions.secrets, "upstox-token")] == ["decide", "poll_market"]
    error_message = "the broker's token is given to somebody else, or not to who asks"
  }
  assert {
    condition     = [for name, told in local.env : name if contains(keys(told), "QS_MARGIN_BROKER")] == ["decide"]
    error_message = "somebody else is told to ask the broker"
  }
}

run "a_margin_broker_without_a_token_is_refused" {
  command = plan

  variables {
    margin_broker = "kite"
  }

  expect_failures = [var.margin_broker]
}

# --- Refused ---
run "an_unprotected_prod_is_refused" {
  command = plan
  variables {
    protected = false
  }
  expect_failures = [var.protected]
}

run "a_tag_instead_of_a_digest_is_refused" {
  command = plan
  variables {
    serve_image = "asia-south1-docker.pkg.dev/quantsentinel-test/quantsentinel/serve:latest"
    batch_image = "asia-south1-docker.pkg.dev/quantsentinel-test/quantsentinel/batch@sha256:short"
  }
  expect_failures = [var.serve_image, var.batch_image]
}

run "public_operators_an_unknown_function_and_a_region_abroad_are_refused" {
  command = plan
  variables {
    operators         = { everybody = "allUsers" }
    function_settings = { no_such_function = { QS_LOG_LEVEL = "debug" } }
    traffic           = { no_such_function = { LATEST = 100 } }
    static_egress     = { functions = ["no_such_function"] }
    region            = "us-central1"
    poll_interval_s   = 61
    settings          = { LOG_LEVEL = "debug" }
  }
  expect_failures = [var.operators, var.function_settings, var.traffic, var.static_egress, var.region, var.poll_interval_s, var.settings]
}
