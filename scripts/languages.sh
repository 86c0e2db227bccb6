#!/bin/sh
# Installs Node.js and npm, which the guests in AssemblyScript and JavaScript are built with, where they are missing.
set -eu

for program in node:nodejs npm:npm; do
    command -v "${program%%:*}" >/dev/null && continue
    package=${program##*:}
    echo "languages: installing $package" >&2
    # A new machine may not know yet which packages there are.
    install() { DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$package" >/dev/null 2>&1; }
    install || { apt-get update >/dev/null 2>&1 && install; } || {
        echo "languages: \`${program%%:*}\` is missing: install Node.js 20 or newer, with npm" >&2
        exit 1
    }
done
[ "$(node --version | sed 's/^v//; s/\..*//')" -ge 20 ] || {
    echo "languages: Node.js $(node --version) is too old: install 20 or newer" >&2
    exit 1
}
