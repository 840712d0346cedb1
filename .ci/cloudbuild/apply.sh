#!/usr/bin/env bash
# Applies exactly the plan of _RELEASE, then has the deployment test itself; what fails is taken back. The build fails
# whenever the release is not in production in the end, also after a rollback that worked.
set -euo pipefail
. .ci/cloudbuild/release.sh
approval=$(gcloud builds describe "${BUILD_ID:?}" --region="${REGION:?}" --format='value(approval.state)')
[[ $approval == APPROVED ]] || refuse "this build was not approved by a person (approval: ${approval:-none}); use the trigger"
fetch_release "${RELEASE:?}" plan.tfplan lock.hcl
fetch_current
cp "$made/lock.hcl" "$folder/.terraform.lock.hcl"
terraform -chdir="$folder" init -reconfigure -lockfile=readonly -backend-config="bucket=$BUCKET"

serial() { terraform -chdir="$folder" state pull | python3 -c 'import json, sys; text = sys.stdin.read(); print(json.loads(text)["serial"] if text else 0)'; }
back() {
  echo "$1: going back" >&2
  .ci/cloudbuild/rollback.sh || refuse "$1, and going back failed too: docs/runbook.md"
  refuse "$1; the release before is in production again"
}

before=$(serial)
if ! terraform -chdir="$folder" apply -lock-timeout=300s "$PWD/$made/plan.tfplan"; then
  [[ $(serial) != "$before" ]] || refuse "the plan was not applied and nothing was changed (is it stale? verify again)"
  back "the apply stopped half way"
fi
.ci/cloudbuild/self-test.sh "$BUILD_ID" "$canary_percent" || back "the self-test failed"
if [[ $canary_percent == 100 ]]; then
  reckon current "$made/outputs.json" "$made" "$RELEASE" >"$made/current.json"
  gcloud storage cp --quiet "$made/current.json" "$current"
  echo "Release $RELEASE is in production."
else
  echo "Release $RELEASE takes $canary_percent % of the traffic. More of it, or all: verify again with _PROMOTE=$RELEASE."
fi
