#!/usr/bin/env bash
# Builds and pushes both images and notes their digests; with _PROMOTE the images of that release are taken as they are.
set -euo pipefail
. .ci/cloudbuild/release.sh
if [[ -n ${PROMOTE:-} ]]; then
  fetch_release "$PROMOTE"
  for image in serve batch; do reckon image "$made" "$image" >"$made/$image.image"; done
  rm "$made/manifest.json"
  exit 0
fi
make images-check
host=${REGION:?}-docker.pkg.dev
gcloud auth configure-docker "$host" --quiet
for image in serve batch; do
  # Tags in the repository never move, and one commit may be built twice.
  name=$host/${PROJECT_ID:?}/quantsentinel/$image
  docker build --pull --target "$image" --tag "$name:$COMMIT-${BUILD_ID:?}" --file .ci/images/Dockerfile .
  docker push "$name:$COMMIT-$BUILD_ID"
  docker inspect --format '{{range .RepoDigests}}{{println .}}{{end}}' "$name:$COMMIT-$BUILD_ID" | grep -m1 "^$name@" >"$made/$image.image"
done
cp build/sbom/*.cdx.json "$made/"
