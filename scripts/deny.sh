#!/bin/sh
# Checks licences, bans and sources of all dependencies; advisories too, where their database can be reached.
set -eu
cd "$(dirname -- "$0")/.."

tools=$PWD/.tools
deny=$tools/bin/cargo-deny
if ! [ -x "$deny" ] || [ "$("$deny" --version)" != "cargo-deny $DENY_VERSION" ]; then
    echo "deny: installing cargo-deny $DENY_VERSION" >&2
    cargo install --quiet --locked --root "$tools" --target-dir "$tools/build" "cargo-deny@$DENY_VERSION"
    rm -rf "$tools/build"
fi
for manifest in Cargo.toml components/Cargo.toml fuzz/Cargo.toml; do
    echo "deny: licences, bans and sources of $manifest" >&2
    # Dependencies of other platforms count as well, and are not there from building.
    cargo fetch --quiet --locked --manifest-path "$manifest"
    "$deny" --offline --locked --log-level error --config deny.toml --manifest-path "$manifest" check --hide-inclusion-graph licenses bans sources
done
echo "deny: advisories" >&2
if timeout 60 "$deny" --log-level error --config deny.toml fetch db >/dev/null 2>&1; then
    "$deny" --locked --log-level error --config deny.toml check --hide-inclusion-graph advisories
else
    echo "deny: the advisory database cannot be reached: advisories were NOT checked" >&2
fi
