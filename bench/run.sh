#!/bin/sh
# Measures the host against its public peers, and by itself. `bench/run.sh` runs every part and prints the tables; `bench/run.sh PART
# [OPTION...]` runs one: servers, growth, latency, pieces, key_value, casts, platform_cast, or table, which puts together what was measured
# (`table --write`: into docs/performance.md). `bench/run.sh PART --help` lists its options.
set -eu
cd "$(dirname -- "$0")/.."

tools=$PWD/.tools

say() { echo "bench: $*" >&2; }

install_package() {
    command -v "$1" >/dev/null && return
    say "installing $1"
    apt-get install -y "$1" >/dev/null 2>&1
}

# Keeps what a part prints, under its name.
keep() {
    part=$1
    shift
    mkdir -p target/bench/results
    "$@" >target/bench/results/new.json && mv target/bench/results/new.json "target/bench/results/$part.json"
}

# A backtrace for each error that a guest is given would be measured as well.
cargo_bench() {
    env -u RUST_BACKTRACE cargo bench --quiet --locked --workspace "$@"
}

run_part() {
    part=$1
    shift
    say "$part"
    case $part in
    servers) python3 -B bench/compare.py "$@" ;;
    growth | latency) keep "$part" python3 -B "bench/$part.py" "$@" ;;
    pieces)
        cargo_bench --bench request --bench kernels --bench cast --bench record >&2
        keep "$part" python3 -B bench/pieces.py
        ;;
    casts) python3 -B bench/casts.py "$@" ;;
    key_value | platform_cast) keep "$part" cargo_bench --bench "$part" -- "$@" ;;
    table) python3 -B bench/table.py "$@" ;;
    esac
}

case " $* " in
*" -h "* | *" --help "*)
    case ${1:-} in
    servers) exec python3 -B bench/compare.py --help ;;
    growth | latency | casts) exec python3 -B "bench/$1.py" --help ;;
    *) sed -n 's/^# \(.*\)/\1/p' "$0" | head -n 3 && exit ;;
    esac
    ;;
esac
case ${1:-} in
"" | servers | growth | latency | pieces | key_value | casts | platform_cast) ;;
table) run_part "$@" && exit ;;
*)
    say "there is no part \`$1\`: servers, growth, latency, pieces, key_value, casts, platform_cast or table"
    exit 2
    ;;
esac
case ${1:-} in
"" | servers | growth | latency)
    scripts/wasmtime.sh
    say "building the native server"
    cargo build --quiet --locked --release --manifest-path bench/Cargo.toml
    ;;
esac
install_package wrk || { say "wrk is needed: install it with the system's package manager"; exit 1; }
install_package strace || say "no strace: system calls will not be measured"
if [ $# -gt 0 ]; then
    run_part "$@"
    exit
fi
for part in servers growth latency pieces key_value casts platform_cast; do
    run_part "$part"
done
run_part table
