# A module of its own, because emulators take topics and subscriptions and nothing else: emulators/terraform calls it too.
module "subscription" {
  source = "../subscription"
  count  = local.is_pushed ? 1 : 0

  project_id    = var.project_id
  name          = var.name
  topic         = var.topic
  row           = var.row.trigger.subscription
  push_endpoint = google_cloud_run_v2_service.this.uri
  service_agent = local.pubsub
  protected     = var.protected
  labels        = local.labels

  identity = {
    service_account = google_service_account.push[0].email
    audience        = local.audience
  }

  depends_on = [
    google_cloud_run_v2_service_iam_member.push,
    google_service_account_iam_member.push_token,
  ]
}
