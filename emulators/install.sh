#!/usr/bin/env bash
# The emulators of the Google profile: found, or installed where that needs no questions, or named with how to get them.
# Inside the project (fake-gcs-server) always; system packages only in CI and as root.
set -euo pipefail
cd "$(dirname "$0")/.."
fake_gcs_server=github.com/fsouza/fake-gcs-server@v1.56.1

missing() {
  .venv/bin/python -c 'from emulators.google_emulators import locate; print("\n".join(locate().missing))'
}

may_install_packages() { [[ ${CI:-false} == true && $(id -u) == 0 ]] && command -v apt-get >/dev/null; }

apt_install() {
  may_install_packages || return 1
  apt-get update -qq >/dev/null || true
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

gcloud_install() {
  if [[ ${CI:-false} == true ]] && command -v gcloud >/dev/null; then
    gcloud components install --quiet cloud-firestore-emulator pubsub-emulator >/dev/null 2>&1 && return 0
  fi
  apt_install google-cloud-cli-firestore-emulator google-cloud-cli-pubsub-emulator
}

go_install() {
  local go
  go=$(command -v go || echo /usr/local/go/bin/go)
  [[ -x $go ]] || return 1
  echo "Building fake-gcs-server into .tools/bin"
  mkdir -p .tools/bin
  # Go keeps sources and objects in the home folder, where that can be written.
  [[ -w ${HOME:-/nowhere} ]] || export GOPATH=$PWD/.tools/go GOCACHE=$PWD/.tools/go/cache GOFLAGS=-modcacherw
  GOBIN=$PWD/.tools/bin "$go" install "$fake_gcs_server"
}

asked_gcloud=false
while read -r name; do
  case $name in
    java) apt_install default-jre-headless || true ;;
    fake-gcs-server) go_install || true ;;
    "Firestore emulator" | "Pub/Sub emulator") $asked_gcloud || gcloud_install || true; asked_gcloud=true ;;
  esac
done < <(missing)

left=$(missing)
[[ -z $left ]] && exit 0
while read -r name; do
  case $name in
    java) how="Java 17 or newer (Debian: apt-get install default-jre-headless)" ;;
    fake-gcs-server) how="Go, then: GOBIN=\$PWD/.tools/bin go install $fake_gcs_server" ;;
    *) how="the gcloud CLI, then: gcloud components install cloud-firestore-emulator pubsub-emulator
  (where gcloud came from apt: apt-get install google-cloud-cli-firestore-emulator google-cloud-cli-pubsub-emulator)" ;;
  esac
  echo "No $name here: its tests will be skipped. It needs $how" >&2
done <<<"$left"
[[ ${CI:-false} != true ]]
