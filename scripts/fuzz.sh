#!/bin/sh
# Runs fuzz targets, each for so many seconds: scripts/fuzz.sh [SECONDS [TARGET...]]. New inputs go into a directory that is thrown
# away, so that the corpora in fuzz/corpus stay what people wrote. What fails is kept in fuzz/artifacts.
set -eu
cd "$(dirname -- "$0")/.."

seconds=${1:-60}
[ $# -eq 0 ] || shift
[ $# -gt 0 ] || set -- manifest allowed_hosts environment routes headers adapt component

version=0.13.2
tools=$PWD/.tools
fuzz=$tools/bin/cargo-fuzz
if ! [ -x "$fuzz" ] || [ "$("$fuzz" --version)" != "cargo-fuzz $version" ]; then
    echo "fuzz: installing cargo-fuzz $version" >&2
    cargo install --quiet --locked --root "$tools" --target-dir "$tools/build" "cargo-fuzz@$version"
    rm -rf "$tools/build"
fi
# The compiler's hooks for fuzzers are not stable.
export RUSTUP_TOOLCHAIN=nightly
if ! rustc --version >/dev/null 2>&1; then
    echo "fuzz: installing the nightly toolchain" >&2
    rustup toolchain install --profile minimal nightly >&2
fi
programs=fuzz/target/$(rustc -vV | sed -n 's/^host: //p')/release

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
for target in "$@"; do
    case $target in
    component) options="--sanitizer none --features engine" ;;
    *) options= ;;
    esac
    echo "fuzz: building $target" >&2
    # shellcheck disable=SC2086 # the options are words
    if ! "$fuzz" build --codegen-units 16 $options "$target" >"$work/log" 2>&1; then
        cat "$work/log" >&2
        exit 1
    fi
done

failed=0
for target in "$@"; do
    mkdir -p "$work/$target" "fuzz/artifacts/$target"
    verdict="found nothing"
    if ! "$programs/$target" -max_total_time="$seconds" -max_len=4096 -timeout=20 -rss_limit_mb=2048 -print_final_stats=1 \
        -artifact_prefix="fuzz/artifacts/$target/" "$work/$target" "fuzz/corpus/$target" >"$work/log" 2>&1; then
        failed=1
        kept=$(sed -n 's/.*Test unit written to //p' "$work/log")
        verdict="FAILED: $(grep -A 1 -m 1 'panicked at' "$work/log" | tail -n 1) (${kept:-nothing was kept})"
    fi
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$work/log")
    echo "fuzz: $target: ${runs:-0} executions, $verdict" >&2
done
exit "$failed"
