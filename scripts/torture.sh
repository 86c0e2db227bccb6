#!/bin/sh
# Runs every attack at length, one line of JSON for each: with the protections off where that can be, in longer series, and by fuzzing.
# Takes about twenty minutes. The report is left in target/torture.jsonl.
set -eu
cd "$(dirname -- "$0")/.."

report=target/torture.jsonl
: >"$report"
export SPELL_TORTURE=1
for file in tests/tests/hostile_*.rs; do
    name=$(basename "$file" .rs)
    echo "torture: $name" >&2
    log=$(mktemp)
    # What runs in a network of its own is started by the test that makes the network.
    if ! cargo test --locked --quiet --workspace --test "$name" -- --include-ignored --nocapture --test-threads 1 \
        --skip every_spelling_of_a_forbidden_place_is_refused --skip what_is_only_counted_goes_out >"$log" 2>&1; then
        tail -40 "$log" >&2
        exit 1
    fi
    grep -ao '{"c.*}' "$log" | grep -a '"card"' >>"$report" || true
    rm -f "$log"
done
for name in crash once platform_crash platform_disk platform_faults; do
    echo "torture: $name" >&2
    log=$(mktemp)
    if ! cargo test --locked --quiet --workspace --test "$name" -- --nocapture --test-threads 1 >"$log" 2>&1; then
        tail -40 "$log" >&2
        exit 1
    fi
    grep -ao '{"card".*}' "$log" >>"$report" || true
    rm -f "$log"
done
echo "torture: modules that nobody wrote" >&2
cargo test --locked --quiet --workspace --lib generated >/dev/null
scripts/fuzz.sh 60
echo "torture: $(grep -c '"verdict":"contained"' "$report") variants contained, $(grep -c '"protection":"off"' "$report") seen to succeed without their protection" >&2
