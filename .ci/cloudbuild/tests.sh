#!/usr/bin/env bash
# Every test, with emulators and a browser. Those that read recorded market data run where _MARKETDATA names a bucket
# folder that holds it; without one they are left out, said so.
set -euo pipefail
if [[ -n ${MARKETDATA:-} ]]; then
  mkdir -p build/marketdata
  gcloud storage rsync --quiet --recursive "$MARKETDATA" build/marketdata
  export QS_MARKETDATA=$PWD/build/marketdata
  CI=true make test policy
else
  echo "No _MARKETDATA: tests that read recorded market data are left out."
  CI=true make test policy TESTS='tests -m "not marketdata"'
fi
