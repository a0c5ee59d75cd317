#!/usr/bin/env bash
# Installs one family of real Kafka clients into a cache folder, at the versions pinned beside this script.
#
#   setup.sh python|node|go|java|rust|kcat|ui CACHE_DIR
#
# Idempotent: a stamp holds the hash of the pinned versions and sources, and a matching stamp means nothing to do.
# Only the ordinary registries of each language are used. Exit code 0: ready. Anything else: the last line says why not.
set -euo pipefail

family=$1
cache=$2
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$cache"
cache=$(cd "$cache" && pwd)

# Test processes run side by side; one installs, the others wait for it.
exec 9>"$cache/$family.lock"
flock 9

need() { command -v "$1" >/dev/null || { echo "$1 is not installed"; exit 2; }; }
stamp_of() { cat "$@" | sha256sum | cut -d' ' -f1; }
is_ready() { [ "$(cat "$cache/$family.stamp" 2>/dev/null)" = "$1" ]; }

case $family in
python | ui)
  need python3
  stamp=$(stamp_of "$here/$family/requirements.txt")
  is_ready "$stamp" && exit 0
  rm -rf "${cache:?}/$family"
  python3 -m venv "$cache/$family"
  "$cache/$family/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: \
    --requirement "$here/$family/requirements.txt"
  ;;
node)
  need npm
  stamp=$(stamp_of "$here/node/package.json" "$here/node/package-lock.json")
  is_ready "$stamp" && exit 0
  mkdir -p "$cache/node"
  cp "$here/node/package.json" "$here/node/package-lock.json" "$cache/node/"
  npm --prefix "$cache/node" ci --ignore-scripts --no-audit --no-fund --loglevel=error
  ;;
go)
  need go
  stamp=$(stamp_of "$here"/go/go.mod "$here"/go/go.sum "$here"/go/*/*.go)
  is_ready "$stamp" && exit 0
  mkdir -p "$cache/go"
  (cd "$here/go" && GOFLAGS=-mod=readonly go build -o "$cache/go/" ./franz-go ./sarama ./kafka-go)
  ;;
rust)
  need cargo
  need make
  need cc
  stamp=$(stamp_of "$here"/rust/Cargo.toml "$here"/rust/Cargo.lock "$here"/rust/src/*.rs)
  is_ready "$stamp" && exit 0
  # Not with the flags and the target directory of whoever runs the tests.
  env --unset=RUSTFLAGS CARGO_TARGET_DIR="$cache/rust" cargo build --quiet --locked --manifest-path "$here/rust/Cargo.toml"
  ;;
java)
  need java
  need mvn
  stamp=$(stamp_of "$here"/java/pom.xml "$here"/java/*.java "$here"/java/*/*.java)
  is_ready "$stamp" && exit 0
  rm -rf "$cache/java"
  mvn --batch-mode --quiet --file "$here/java/pom.xml" dependency:copy-dependencies \
    -DincludeScope=runtime -DoutputDirectory="$cache/java/jars"
  mkdir -p "$cache/java/classes"
  javac -nowarn -d "$cache/java/classes" -cp "$cache/java/jars/*" "$here"/java/*.java "$here"/java/*/*.java
  ;;
kcat)
  need python3
  if ! command -v kcat >/dev/null; then
    [ "$(id -u)" = 0 ] || { echo "kcat is not installed and only root may install it"; exit 2; }
    need apt-get
    apt-get install --yes --quiet kcat >/dev/null 2>&1 ||
      { apt-get update --quiet >/dev/null && apt-get install --yes --quiet kcat >/dev/null; }
  fi
  exit 0
  ;;
*)
  echo "unknown family $family"
  exit 2
  ;;
esac
echo "$stamp" >"$cache/$family.stamp"
