#!/bin/sh
# Looks for known holes: advisories where their database can be reached, and newer patches of the engine's line in the registry.
set -eu
cd "$(dirname -- "$0")/.."

scripts/deny.sh
echo "audit: patches of the engine" >&2
if ! newer=$(timeout 120 cargo update --dry-run --package wasmtime 2>&1); then
    echo "audit: the registry cannot be reached: patches of the engine were NOT looked for" >&2
    exit 0
fi
if echo "$newer" | grep -q 'wasmtime v'; then
    echo "$newer" | grep 'wasmtime v' >&2
    echo "audit: the engine has a newer patch: run \`cargo update --package wasmtime\`, then the tests" >&2
    exit 1
fi
echo "audit: the engine is the newest of its line in the registry: $(sed -n '/^name = "wasmtime"$/{n;s/version = //p;}' Cargo.lock)" >&2
