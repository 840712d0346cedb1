locals {
  labels = { app = "quantsentinel", env = var.environment }
  # Who decides may be given the broker's token, to ask for margins: an option, so no right of the map.
  asking = var.margin_broker == "" ? [] : ["decide"]
  functions = { for name, row in var.map.functions : name => merge(row, {
    permissions = merge(row.permissions, {
      secrets = distinct(concat(row.permissions.secrets, contains(local.asking, name) ? ["${var.margin_broker}-token"] : []))
    })
  }) }
  pushed  = { for name, row in local.functions : name => row if row.trigger.kind == "pubsub" }
  beating = { for name, row in local.pushed : name => row if row.trigger.schedule != null }
  runs    = merge(local.functions, var.map.jobs)
  members = merge(
    { for name, made in module.function : name => made.member },
    { for name, made in module.job : name => made.member },
  )

  # --- What each one is told: nothing that it does not need ---
  env = { for name, row in local.runs : name => merge(
    {
      QS_PROFILE         = "google"
      QS_PROJECT         = var.project_id
      QS_REGION          = var.region
      QS_LOG_LEVEL       = "info"
      QS_UNDERLYINGS     = join(",", var.underlyings)
      QS_POLL_INTERVAL_S = tostring(var.poll_interval_s)
    },
    row.permissions.documents == "none" ? {} : { QS_FIRESTORE_DATABASE = var.database },
    { for kind in keys(row.permissions.objects) : "QS_BUCKET_${upper(kind)}" => "${var.project_id}-qs-${kind}" },
    { for id in row.permissions.secrets : "QS_${upper(var.map.secrets[id].setting)}_FILE" => "/secrets/${id}/value" },
    contains(row.permissions.secrets, "upstox-token") ? { QS_FEED = "upstox" } : {},
    contains(local.asking, name) ? { QS_MARGIN_BROKER = var.margin_broker } : {},
    var.settings,
    lookup(var.function_settings, name, {}),
  ) }

  # --- What who applies needs besides, for the options that are on ---
  option_roles = toset(var.static_egress == null ? [] : ["roles/compute.networkAdmin", "roles/compute.securityAdmin"])
}
