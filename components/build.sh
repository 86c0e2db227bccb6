#!/bin/sh
# Builds every guest into components/target/wasm32-wasip2/release/, from a fresh clone or incrementally. `test` runs the guests' native tests.
set -eu

components=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
cd "$components"

say() { echo "components: $*" >&2; }

case ${1:-build} in
build)
    say "building the Rust guests"
    cargo build --quiet --locked --release --target wasm32-wasip2 --workspace --exclude tests-middleware
    # By itself: what it asks of the SDK would show in the others.
    cargo build --quiet --locked --release --target wasm32-wasip2 --package tests-middleware
    say "building the C guest"
    wordcount/build.sh
    for guest in guestbook hello hello_p2 hello_p3 kernels settings tests_caller tests_library tests_middleware tests_otel tests_p2 tests_p3 tests_spin1 tests_wagi weather wordcount; do
        file=${CARGO_TARGET_DIR:-target}/wasm32-wasip2/release/$guest.wasm
        say "$(wc -c <"$file") bytes  $guest.wasm"
    done
    ;;
test)
    cargo test --quiet --locked --workspace
    wordcount/build.sh test
    ;;
*)
    say "usage: build.sh [build|test]"
    exit 2
    ;;
esac
