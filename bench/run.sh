#!/bin/sh
# Measures the host against its public peers and prints tables; `--write` puts them into docs/performance.md. `--help` lists the options.
set -eu
cd "$(dirname -- "$0")/.."

tools=$PWD/.tools
wasmtime_version=48.0.8
# The command's defaults, less what serving HTTP never uses.
wasmtime_features=run,serve,compile,cranelift,pooling-allocator,parallel-compilation,component-model,component-model-async,cache
wasmtime_features=$wasmtime_features,threads,gc,gc-drc,backtrace,addr2line,demangle,logging

say() { echo "bench: $*" >&2; }

install_wasmtime() {
    case $("$tools/bin/wasmtime" --version 2>/dev/null || true) in
    "wasmtime $wasmtime_version"*) return ;;
    esac
    say "installing wasmtime $wasmtime_version (the first time takes some minutes)"
    cargo install --quiet --locked --root "$tools" --target-dir "$tools/build-wasmtime" "wasmtime-cli@$wasmtime_version" \
        --no-default-features --features "$wasmtime_features"
    rm -rf "$tools/build-wasmtime"
}

install_package() {
    command -v "$1" >/dev/null && return
    say "installing $1"
    apt-get install -y "$1" >/dev/null 2>&1
}

case " $* " in
*" -h "* | *" --help "*) exec python3 -B bench/run.py --help ;;
esac
install_wasmtime
install_package wrk || { say "wrk is needed: install it with the system's package manager"; exit 1; }
install_package strace || say "no strace: system calls will not be measured"
say "building the native server"
cargo build --quiet --locked --release --manifest-path bench/Cargo.toml
exec python3 -B bench/run.py "$@"
