# Made up: for `make plan` without a cloud. Copy it to dev.tfvars (not kept in the repository) and fill in what is yours.
project_id          = "quantsentinel-dev-example"
project_number      = "123456789012"
serve_image         = "asia-south1-docker.pkg.dev/quantsentinel-dev-example/quantsentinel/serve@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
batch_image         = "asia-south1-docker.pkg.dev/quantsentinel-dev-example/quantsentinel/batch@sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
notification_emails = ["operators@example.com"]
operators           = { operators = "group:operators@example.com" }

# Of whose app at Upstox, and of whose account, rotate_token takes access tokens (docs/runbook.md).
function_settings = {
  rotate_token = { QS_UPSTOX_CLIENT_ID = "00000000-made-up-app", QS_UPSTOX_USER_ID = "AB1234" }
}
