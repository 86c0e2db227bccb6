#!/bin/sh
# Installs what the tests need to make system calls of a host fail, where it is missing.
set -eu

command -v strace >/dev/null && exit
echo "faults: installing strace" >&2
apt-get install -y strace >/dev/null 2>&1 || {
    echo "faults: \`strace\` is missing: install it with the system's package manager" >&2
    exit 1
}
