resource "google_compute_network" "this" {
  project                 = var.project_id
  name                    = var.name
  description             = "Egress with a static address; nothing listens in it"
  auto_create_subnetworks = false
  routing_mode            = "REGIONAL"
}

resource "google_compute_subnetwork" "this" {
  project                  = var.project_id
  region                   = var.region
  name                     = var.name
  network                  = google_compute_network.this.id
  ip_cidr_range            = var.cidr
  private_ip_google_access = true
  stack_type               = "IPV4_ONLY"

  log_config {
    aggregation_interval = "INTERVAL_10_MIN"
    flow_sampling        = 0.1
    metadata             = "INCLUDE_ALL_METADATA"
  }
}

# What the implied rule says already, said where it is seen and logged.
resource "google_compute_firewall" "no_ingress" {
  project       = var.project_id
  name          = "${var.name}-no-ingress"
  network       = google_compute_network.this.id
  direction     = "INGRESS"
  priority      = 1000
  source_ranges = ["0.0.0.0/0"]

  deny {
    protocol = "all"
  }

  log_config {
    metadata = "INCLUDE_ALL_METADATA"
  }
}

resource "google_compute_address" "this" {
  count = var.addresses

  project         = var.project_id
  region          = var.region
  name            = "${var.name}-${count.index}"
  description     = "Egress of the functions, for brokers' allow-lists"
  address_type    = "EXTERNAL"
  network_tier    = "PREMIUM"
  labels          = merge(var.labels, { part = "network" })
  deletion_policy = var.protected ? "PREVENT" : "DELETE"
}

resource "google_compute_router" "this" {
  project = var.project_id
  region  = var.region
  name    = var.name
  network = google_compute_network.this.id
}

resource "google_compute_router_nat" "this" {
  project                            = var.project_id
  region                             = var.region
  name                               = var.name
  router                             = google_compute_router.this.name
  nat_ip_allocate_option             = "MANUAL_ONLY"
  nat_ips                            = google_compute_address.this[*].self_link
  source_subnetwork_ip_ranges_to_nat = "LIST_OF_SUBNETWORKS"

  subnetwork {
    name                    = google_compute_subnetwork.this.id
    source_ip_ranges_to_nat = ["ALL_IP_RANGES"]
  }

  log_config {
    enable = true
    filter = "ERRORS_ONLY"
  }
}
