#!/usr/bin/env bash
# `self-test.sh RUN PERCENT`: asks the function self_test about what Terraform has just applied.
set -euo pipefail
. .ci/cloudbuild/release.sh
terraform -chdir="$folder" output -json >"$made/outputs.json"
reckon request "$made/outputs.json" terraform/functions.json "$1" "$2" "$made/current.json" >"$made/request.json"
url=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["uris"]["value"]["self_test"])' "$made/outputs.json")
token=$(gcloud auth print-identity-token --audiences="$url")
printf 'header = "Authorization: Bearer %s"\n' "$token" |
  curl --silent --show-error --max-time 290 --config - --header 'content-type: application/json' \
    --data "@$made/request.json" --output "$made/answer.json" "$url"
reckon judge "$made/answer.json"
