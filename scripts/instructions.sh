#!/bin/sh
# Counts the instructions of a request inside the process, from its head to the last byte of its answer, and fails where they are more
# than 3 % above the figures in bench/instructions.tsv. `--write` puts the new figures there. What is counted is the build that tests
# use: its figures are larger than those of a release, and grow with them. The guest is one of WASI 0.2: the tool that counts is so slow
# that a guest of 0.3, which is polled more than once, gets to the thread's own clock, which does not work in it.
set -eu
cd "$(dirname -- "$0")/.."

figures=bench/instructions.tsv
requests=200
growth_percent_max=3

if ! command -v valgrind >/dev/null; then
    echo "instructions: installing valgrind" >&2
    apt-get install -y valgrind >/dev/null 2>&1 || { echo "valgrind is needed: install it with the system's package manager" >&2; exit 1; }
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
cargo build --locked --quiet --workspace --all-targets
program=$(cargo build --locked --quiet --workspace --all-targets --message-format json |
    python3 -c 'import json, sys
for line in sys.stdin:
    message = json.loads(line)
    if message.get("executable") and message["target"]["name"] == "request":
        print(message["executable"])')

# Instructions of one request of a guest. The environment is bare: a backtrace costs more than the request.
count() {
    env -i PATH="$PATH" valgrind --tool=callgrind --callgrind-out-file="$work/out" --toggle-collect=request::counted_requests \
        "$program" --count "$1" "$requests" >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
    total=$(sed -n 's/^==[0-9]*== Collected : //p' "$work/log")
    echo $((total / requests))
}

status=0
for guest in hello_p2; do
    counted=$(count "$guest")
    known=$(sed -n "s/^$guest	//p" "$figures" 2>/dev/null || true)
    echo "instructions: $guest: $counted for a request, ${known:-none} on record" >&2
    printf '%s\t%s\n' "$guest" "$counted" >>"$work/figures"
    if [ "$counted" -gt $((${known:-0} + ${known:-0} * growth_percent_max / 100)) ]; then
        status=1
    fi
done
if [ "${1:-}" = "--write" ]; then
    cp "$work/figures" "$figures"
    exit 0
fi
if [ "$status" != 0 ]; then
    echo "instructions: a request takes more than $growth_percent_max % more of them than $figures says." >&2
    echo "instructions: find out why; if it has to be, scripts/instructions.sh --write keeps the new figures." >&2
fi
exit "$status"
