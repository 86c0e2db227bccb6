#!/bin/sh
# Installs what the tests check the API's description with (tests/requirements.txt), in .tools/venv, where it is not there yet.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
venv=$root/.tools/venv
wanted=$root/tests/requirements.txt
cmp -s "$wanted" "$venv/requirements.txt" && exit

echo "checkers: installing Python packages (the first time takes a minute)" >&2
[ -x "$venv/bin/pip" ] || python3 -m venv "$venv"
"$venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$wanted"
cp "$wanted" "$venv/requirements.txt"
