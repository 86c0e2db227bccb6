#!/bin/sh
# Installs what the tests need to make a network of their own, where it is missing, and says what to do where it cannot.
set -eu

for program in ip:iproute2 unshare:util-linux; do
    command -v "${program%%:*}" >/dev/null && continue
    echo "network: installing ${program##*:}" >&2
    apt-get install -y "${program##*:}" >/dev/null 2>&1 || {
        echo "network: \`${program%%:*}\` is missing: install ${program##*:} with the system's package manager" >&2
        exit 1
    }
done
unshare --map-root-user --net --mount true 2>/dev/null || {
    echo "network: this system lets no process make a network of its own (\`unshare --map-root-user --net --mount\`): allow user namespaces" >&2
    exit 1
}
