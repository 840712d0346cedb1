mock_provider "google" {
  override_during = plan

  mock_resource "google_compute_address" {
    defaults = { self_link = "projects/quantsentinel-test/regions/asia-south1/addresses/qs-egress-0" }
  }
}

variables {
  project_id = "quantsentinel-test"
  labels     = { app = "quantsentinel", env = "prod" }
}

run "egress_leaves_from_one_address_and_nothing_comes_in" {
  command = plan

  assert {
    condition     = !google_compute_network.this.auto_create_subnetworks && google_compute_subnetwork.this.private_ip_google_access && google_compute_subnetwork.this.ip_cidr_range == "10.70.0.0/22"
    error_message = "subnetworks everywhere, or Google's services only over the internet"
  }
  assert {
    condition     = google_compute_firewall.no_ingress.direction == "INGRESS" && google_compute_firewall.no_ingress.source_ranges == toset(["0.0.0.0/0"]) && one(google_compute_firewall.no_ingress.deny).protocol == "all" && length(google_compute_firewall.no_ingress.allow) == 0
    error_message = "something may come in"
  }
  assert {
    condition     = google_compute_router_nat.this.nat_ip_allocate_option == "MANUAL_ONLY" && google_compute_router_nat.this.nat_ips == toset(google_compute_address.this[*].self_link) && length(google_compute_address.this) == 1
    error_message = "egress has other addresses than the reserved one"
  }
  assert {
    condition     = google_compute_address.this[0].deletion_policy == "PREVENT" && google_compute_address.this[0].labels.part == "network"
    error_message = "the address on the broker's allow-list could be released"
  }
  assert {
    condition     = output.egress == { network = "qs-egress", subnetwork = "qs-egress" }
    error_message = "functions would be sent elsewhere"
  }
}

run "a_range_that_cloud_run_cannot_use_is_refused" {
  command = plan
  variables {
    cidr = "10.70.0.0/28"
  }
  expect_failures = [var.cidr]
}

run "a_public_range_is_refused" {
  command = plan
  variables {
    cidr = "8.8.8.0/24"
  }
  expect_failures = [var.cidr]
}

run "no_address_at_all_is_refused" {
  command = plan
  variables {
    addresses = 0
  }
  expect_failures = [var.addresses]
}
