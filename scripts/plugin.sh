#!/bin/sh
# Makes the plugin `trigger-spell` for Spin out of the built host: an archive and the manifest that
# `spin plugins install --file target/plugin/trigger-spell.json --yes` takes.
set -eu
cd "$(dirname -- "$0")/.."

out=$PWD/target/plugin
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
case $(uname -s) in
Linux) os=linux ;;
Darwin) os=macos ;;
*) echo "plugin: there is no plugin for $(uname -s)" >&2 && exit 1 ;;
esac
case $(uname -m) in
x86_64) arch=amd64 ;;
aarch64 | arm64) arch=aarch64 ;;
*) echo "plugin: there is no plugin for $(uname -m)" >&2 && exit 1 ;;
esac
mkdir -p "$out"
cp "${1:-target/release/spell}" "$out/trigger-spell"
tar -C "$out" -czf "$out/trigger-spell.tar.gz" trigger-spell
digest=$(sha256sum "$out/trigger-spell.tar.gz" | cut -d ' ' -f 1)
cat >"$out/trigger-spell.json" <<END
{
  "name": "trigger-spell",
  "description": "Serves Spin apps under limits, with metering and records",
  "version": "$version",
  "spinCompatibility": ">=3.0",
  "license": "Apache-2.0",
  "packages": [
    { "os": "$os", "arch": "$arch", "url": "file://$out/trigger-spell.tar.gz", "sha256": "$digest" }
  ]
}
END
echo "plugin: $out/trigger-spell.json" >&2
