#!/usr/bin/env bash
# Sourced by the others: where a release lies, and how it is fetched. Needs BUCKET, ENV, COMMIT.
# shellcheck disable=SC2034  # its variables are read by those that source it
set -euo pipefail
made=build/delivery
folder=terraform/envs/${ENV:?}
releases=gs://${BUCKET:?}/releases
current=gs://$BUCKET/current/$ENV.json
values=gs://$BUCKET/values/$ENV.tfvars
mkdir -p "$made"
export TF_IN_AUTOMATION=1 TF_INPUT=0 CHECKPOINT_DISABLE=1

reckon() { python3 .ci/cloudbuild/release.py "$@"; }
refuse() { echo "refused: $*" >&2; exit 1; }
download() { gcloud storage cp --quiet "$1" "$2"; }
# A name that is taken is never written over.
upload_new() { gcloud storage cp --quiet --if-generation-match=0 "$1" "$2"; }

# What was last applied and tested, in $made/current.json; nothing before the first release.
fetch_current() {
  rm -f "$made/current.json"
  if gcloud storage objects describe "$current" --format='value(name)' >/dev/null 2>&1; then download "$current" "$made/current.json"; fi
}

# `fetch_release DIGEST FILE…`: the files of a release into $made, checked against its digest.
fetch_release() {
  local release=$1 file
  shift
  [[ $release =~ ^[0-9a-f]{64}$ ]] || refuse "release '$release': the digest that the verify build printed is asked for"
  for file in manifest.json "$@"; do download "$releases/$release/$file" "$made/$file"; done
  canary_percent=$(reckon check "$made" "$release" "$ENV" "${COMMIT:?}")
}
