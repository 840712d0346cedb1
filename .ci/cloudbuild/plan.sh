#!/usr/bin/env bash
# The plan of exactly these images, kept under the digest of all that it was made of. With _CANARY_PERCENT below 100 the
# revisions of the last release keep the rest of the traffic; jobs, which take none, get their image at once.
set -euo pipefail
. .ci/cloudbuild/release.sh
rm -f "$folder/backend_override.tf"  # `make plan`, which the tests run, plans without the bucket
fetch_current
reckon traffic "$made/current.json" "${CANARY_PERCENT:?}" >"$made/traffic.tfvars.json"
download "$values" "$made/values.tfvars"
terraform -chdir="$folder" init -reconfigure -backend-config="bucket=$BUCKET"
terraform -chdir="$folder" plan -lock-timeout=300s -var-file="$PWD/$made/values.tfvars" \
  -var-file="$PWD/$made/traffic.tfvars.json" -var="serve_image=$(<"$made/serve.image")" \
  -var="batch_image=$(<"$made/batch.image")" -out="$PWD/$made/plan.tfplan"
terraform -chdir="$folder" show -no-color "$PWD/$made/plan.tfplan" >"$made/plan.txt"
# The providers that made the plan: the apply takes the same and no newer.
cp "$folder/.terraform.lock.hcl" "$made/lock.hcl"
release=$(reckon write "$made" "$ENV" "${COMMIT:?}" "$CANARY_PERCENT")
for file in manifest.json plan.tfplan lock.hcl plan.txt serve.cdx.json batch.cdx.json; do
  if [[ -f $made/$file ]]; then upload_new "$made/$file" "$releases/$release/$file"; fi
done
echo "Read $releases/$release/plan.txt, then ask for approval:"
echo "  gcloud builds triggers run quantsentinel-$ENV-apply --region=${REGION:?} --sha=$COMMIT --substitutions=_RELEASE=$release"
