module "subscription" {
  source = "../subscription"
  count  = local.is_pushed ? 1 : 0

  project_id    = var.project_id
  name          = var.name
  topic         = var.topic
  row           = var.row.trigger.subscription
  push_endpoint = google_cloud_run_v2_service.this.uri
  identity      = { service_account = google_service_account.push[0].email, audience = local.audience }
  service_agent = local.pubsub
  protected     = var.protected
  labels        = local.labels

  # The first push is let in.
  depends_on = [google_cloud_run_v2_service_iam_member.push, google_service_account_iam_member.push_token]
}
