#!/bin/sh
# Builds every guest into components/target/wasm32-wasip2/release/, from a fresh clone or incrementally. `test` runs the guests' native tests;
# `adapters` builds the adapters alone, and puts them where the host takes them from.
set -eu

components=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
cd "$components"

say() { echo "components: $*" >&2; }

target=${CARGO_TARGET_DIR:-target}/wasm32-wasip2/release

# Each by itself, without flags of one's own, and without a word of where anything lies: they are checked in, so they have to be the same
# everywhere.
adapters='cast_http cast_streaming_http extism_http typed_json'
build_adapters() {
    cargo fetch --quiet --locked
    flags=--remap-path-prefix=$components=/components
    for crates in "${CARGO_HOME:-$HOME/.cargo}"/registry/src/*; do
        flags="$flags$(printf '\037')--remap-path-prefix=$crates=/crates"
    done
    for adapter in $adapters; do
        # The one is a module, which the host makes a component for each program.
        case $adapter in typed_json) for=wasm32-unknown-unknown ;; *) for=wasm32-wasip2 ;; esac
        CARGO_ENCODED_RUSTFLAGS=$flags \
            cargo build --quiet --locked --release --target $for --package "$(echo "$adapter" | tr _ -)"
    done
    cp "$target/../../wasm32-unknown-unknown/release/typed_json.wasm" "$target/"
}

case ${1:-build} in
build)
    say "building the Rust guests"
    cargo build --quiet --locked --release --target wasm32-wasip2 --workspace --exclude tests-middleware --exclude abi-rust \
        --exclude cast-http --exclude cast-streaming-http --exclude extism-http --exclude typed-json
    # By itself: what it asks of the SDK would show in the others.
    cargo build --quiet --locked --release --target wasm32-wasip2 --package tests-middleware
    build_adapters
    say "building the C guest"
    wordcount/build.sh
    say "building the guests of every ABI"
    abi/build.sh
    for guest in $adapters greet guestbook hello hello_p2 hello_p3 kernels settings tests_caller tests_library tests_middleware tests_otel tests_p2 tests_p3 tests_processing tests_spin1 tests_typed tests_wagi weather wordcount; do
        say "$(wc -c <"$target/$guest.wasm") bytes  $guest.wasm"
    done
    ;;
adapters)
    build_adapters
    for adapter in $adapters; do
        cp "$target/$adapter.wasm" ../runtime-host/adapt/adapters/
    done
    ;;
test)
    cargo test --quiet --locked --workspace
    cargo test --quiet --locked --package spell-sdk --features streaming
    wordcount/build.sh test
    ;;
*)
    say "usage: build.sh [build|adapters|test]"
    exit 2
    ;;
esac
