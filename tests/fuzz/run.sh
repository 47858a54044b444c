#!/usr/bin/env bash
# Looks for bytes that make what reads bytes of others panic or hang: `tests/fuzz/run.sh [SECONDS [TARGET...]]`, 60 seconds for each target.
# Needs a C++ compiler beside Rust. New bytes that reach new code go into target/fuzz/corpus; `--keep` adds the few of them to the
# repository that the others do not make up for. What makes a target fail is left in target/fuzz/found, and this script fails.
set -euo pipefail
cd "$(dirname "$0")"
keep=false
if [ "${1:-}" = --keep ]; then
    keep=true
    shift
fi
seconds=${1:-60}
shift || true
targets=("$@")
[ "${#targets[@]}" -gt 0 ] || targets=(archive expression flow log plugin protocol)
target=$(realpath -m ../../target/fuzz)
mkdir -p "$target/found"
# Coverage is what guides the search; the options are those of stable Rust.
export RUSTFLAGS="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1 --cfg fuzzing"
export CARGO_TARGET_DIR=$target/build
cargo build --release --target "$(rustc -vV | sed -n 's/^host: //p')"
build=$(echo "$target"/build/*/release)
for name in "${targets[@]}"; do
    mkdir -p "$target/corpus/$name" "$target/found/$name"
    echo "+ $name, $seconds s"
    "$build/$name" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=16384 -print_final_stats=1 \
        -artifact_prefix="$target/found/$name/" "$target/corpus/$name" "corpus/$name" 2>"$target/found/$name.log" || {
        tail -40 "$target/found/$name.log" >&2
        exit 1
    }
    grep -E "number_of_executed_units|new_units_added|peak_rss" "$target/found/$name.log"
    if $keep; then
        "$build/$name" -merge=1 -max_len=2048 "corpus/$name" "$target/corpus/$name" >/dev/null 2>&1
    fi
done
