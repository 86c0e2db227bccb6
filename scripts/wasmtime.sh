#!/bin/sh
# Installs wasmtime's command from crates.io into .tools, the peer of benches and of the test that what is exported runs elsewhere.
set -eu
cd "$(dirname -- "$0")/.."

version=48.0.8
# The command's defaults, less what serving HTTP never uses.
features=run,serve,compile,cranelift,pooling-allocator,parallel-compilation,component-model,component-model-async,cache
features=$features,threads,gc,gc-drc,backtrace,addr2line,demangle,logging

tools=$PWD/.tools
case $("$tools/bin/wasmtime" --version 2>/dev/null || true) in
"wasmtime $version"*) exit ;;
esac
echo "wasmtime: installing $version (the first time takes some minutes)" >&2
cargo install --quiet --locked --root "$tools" --target-dir "$tools/build-wasmtime" "wasmtime-cli@$version" \
    --no-default-features --features "$features"
rm -rf "$tools/build-wasmtime"
