#!/usr/bin/env bash
# The images of the last release that passed its self-test, with all traffic on them, through Terraform.
set -euo pipefail
. .ci/cloudbuild/release.sh
[[ -f $made/current.json ]] || refuse "there is no earlier release to go back to: what was applied stays, look at it"
rm -f "$made/manifest.json"
download "$values" "$made/values.tfvars"
echo "Going back to $(reckon image "$made" serve)"
terraform -chdir="$folder" apply -auto-approve -lock-timeout=300s -var-file="$PWD/$made/values.tfvars" \
  -var='traffic={}' -var="serve_image=$(reckon image "$made" serve)" -var="batch_image=$(reckon image "$made" batch)"
.ci/cloudbuild/self-test.sh "${BUILD_ID:?}-r" 100
