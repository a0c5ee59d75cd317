#!/usr/bin/env bash
# Runs every decoder for some seconds: `storage/fuzz/run_all.sh [seconds each] [decoder...]`. Needs a nightly toolchain and cargo-fuzz
# (`cargo install cargo-fuzz --locked`). What was found lies in artifacts/<decoder> here; corpus keeps what was learned.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-20}
decoders=("${@:2}")
# Without a sanitizer: the decoders are safe Rust, so what can go wrong is a panic, a hang or memory.
fuzz() { cargo +nightly fuzz "$1" --sanitizer none decoder "${@:2}"; }
fuzz build
[ ${#decoders[@]} -gt 0 ] || mapfile -t decoders < <(fuzz run 2> /dev/null)
failed=()
for decoder in "${decoders[@]}"; do
    echo "== $decoder"
    mkdir -p "fuzz/corpus/$decoder" "fuzz/artifacts/$decoder"
    DECODER=$decoder fuzz run "fuzz/corpus/$decoder" -- -max_total_time="$seconds" -max_len=65536 -timeout=5 \
        -rss_limit_mb=512 -verbosity=0 -print_final_stats=1 -artifact_prefix="fuzz/artifacts/$decoder/" || failed+=("$decoder")
done
echo "${#decoders[@]} decoders, ${#failed[@]} failed: ${failed[*]:-none}"
[ ${#failed[@]} -eq 0 ]
