#!/usr/bin/env bash
# Brings the tools that check deploy/ into a cache folder, at pinned versions.
#
#   setup.sh promtool|helm CACHE_DIR
#
# promtool is taken out of Debian's prometheus package, which need not be installed for it; helm comes through Go's module proxy.
# Idempotent. Exit code 0: ready. Anything else: the last line says why not.
set -euo pipefail

tool=$1
helm_version=v3.22.0
mkdir -p "$2"
cache=$(cd "$2" && pwd)

# Test processes run side by side; one installs, the others wait for it.
exec 9>"$cache/$tool.lock"
flock 9

need() { command -v "$1" >/dev/null || { echo "$1 is not installed"; exit 2; }; }

case $tool in
promtool)
  [ -x "$cache/promtool" ] && exit 0
  if command -v promtool >/dev/null; then
    ln -sf "$(command -v promtool)" "$cache/promtool"
    exit 0
  fi
  need apt-get
  need dpkg-deb
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  # Whoever is not root makes do with the lists that are there.
  [ "$(id -u)" != 0 ] || apt-get update --quiet >/dev/null
  # The downloader gives up its rights, and has to write here all the same.
  chmod 777 "$work"
  (cd "$work" && apt-get download --quiet prometheus >/dev/null && dpkg-deb -x prometheus_*.deb .) ||
    { echo "apt-get cannot download prometheus"; exit 2; }
  mv "$work/usr/bin/promtool" "$cache/promtool"
  ;;
helm)
  [ "$(cat "$cache/helm.stamp" 2>/dev/null)" = "$helm_version" ] && exit 0
  need go
  GOBIN=$cache go install -trimpath -ldflags='-s -w' "helm.sh/helm/v3/cmd/helm@$helm_version"
  echo "$helm_version" >"$cache/helm.stamp"
  ;;
*)
  echo "unknown tool $tool"
  exit 2
  ;;
esac
