# Made up: for `make plan` without a cloud. Copy it to prod.tfvars (not kept in the repository) and fill in what is yours.
project_id          = "quantsentinel-prod-example"
project_number      = "123456789012"
serve_image         = "asia-south1-docker.pkg.dev/quantsentinel-prod-example/quantsentinel/serve@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
batch_image         = "asia-south1-docker.pkg.dev/quantsentinel-prod-example/quantsentinel/batch@sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
notification_emails = ["operators@example.com"]
operators           = { operators = "group:operators@example.com" }

delivery = {
  repository    = "example/quantsentinel"
  repository_id = "123456789"
  state_bucket  = "quantsentinel-prod-example-tfstate"
  may_apply     = true
}

cloud_build = {
  repository = "projects/quantsentinel-prod-example/locations/asia-south1/connections/github/repositories/quantsentinel"
  approvers  = { leads = "group:leads@example.com" }
}

budget = {
  billing_account = "012345-6789AB-CDEF01"
  amount          = 25000
}

# Of whose app at Upstox, and of whose account, rotate_token takes access tokens (docs/runbook.md).
function_settings = {
  rotate_token = { QS_UPSTOX_CLIENT_ID = "00000000-made-up-app", QS_UPSTOX_USER_ID = "AB1234" }
}
