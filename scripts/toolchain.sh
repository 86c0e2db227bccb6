#!/bin/sh
# Installs the WebAssembly targets, rustfmt and clippy for the pinned toolchain, where they are missing.
set -eu
cd "$(dirname -- "$0")/.."

libraries=$(rustc --print sysroot)/lib/rustlib
missing=
for target in wasm32-wasip1 wasm32-wasip2 wasm32-unknown-unknown; do
    [ -n "$(find "$libraries/$target/lib" -name 'libstd-*.rlib' 2>/dev/null)" ] || missing="$missing $target"
done
if [ -n "$missing" ]; then
    echo "toolchain: adding$missing" >&2
    # shellcheck disable=SC2086 # the targets are words
    rustup target add $missing
fi
for component in rustfmt clippy; do
    cargo "$(echo "$component" | sed s/rustfmt/fmt/)" --version >/dev/null 2>&1 || rustup component add "$component"
done
