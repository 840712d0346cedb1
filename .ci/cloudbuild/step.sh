#!/usr/bin/env bash
# `step.sh STAGE NAME`: runs NAME.sh of this folder when the build is of that stage; the other stage's steps do nothing.
set -euo pipefail
cd "$(dirname "$0")/../.."
[[ ${STAGE:-} == verify || ${STAGE:-} == apply ]] || { echo "refused: _STAGE is verify or apply, not '${STAGE:-}'" >&2; exit 2; }
if [[ $STAGE != "$1" ]]; then echo "$2 belongs to stage $1"; exit 0; fi
exec ".ci/cloudbuild/$2.sh"
