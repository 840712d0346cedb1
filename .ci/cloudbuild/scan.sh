#!/usr/bin/env bash
# Scans both images where they lie: critical vulnerabilities stop the build, high ones when there is a fix.
set -euo pipefail
. .ci/cloudbuild/release.sh
for image in serve batch; do
  scan=$(gcloud artifacts docker images scan "$(<"$made/$image.image")" --remote --format='value(response.scan)')
  [[ -n $scan ]] || refuse "$image was not scanned"
  gcloud artifacts docker images list-vulnerabilities "$scan" --format=json >"$made/$image.vulnerabilities.json"
  reckon gate "$made/$image.vulnerabilities.json"
done
