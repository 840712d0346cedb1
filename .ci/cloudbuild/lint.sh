#!/usr/bin/env bash
# Format, lint, types, architecture, fast tests.
set -euo pipefail
CI=true make check
