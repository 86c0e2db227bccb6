#!/bin/sh
# Takes protections away, one at a time, and sees that a hostile test fails for it: scripts/protections.sh [CARD...]. The table is
# tests/protections.tsv. Works on a copy of the sources; one line of JSON for each row. Takes half a minute for each, after the first.
set -eu
cd "$(dirname -- "$0")/.."

root=$PWD
table=tests/protections.tsv
tree=$root/target/protections-tree
CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$root/target/protections}
export CARGO_TARGET_DIR
log=$(mktemp)
original=$(mktemp)
trap 'rm -f "$log" "$original"' EXIT
trap 'exit 1' HUP INT TERM

# The copies are newer than anything that was built of them before: what an earlier run left in the target is never taken for current.
copy_sources() {
    rm -rf "$tree"
    mkdir -p "$tree/components"
    git ls-files -z --cached --others --exclude-standard | xargs -0 cp --parents -t "$tree"
    ln -s "$root/components/target" "$tree/components/target"
}

# Puts one text in place of another, which has to stand there exactly once; `\n` in either is the end of a line.
replace() {
    python3 - "$@" <<'PYTHON'
import sys
path, old, new = sys.argv[1], *(text.replace("\\n", "\n") for text in sys.argv[2:])
source = open(path).read()
if source.count(old) != 1:
    sys.exit(f"the text stands {source.count(old)} times in {path}")
open(path, "w").write(source.replace(old, new))
PYTHON
}

# What comes of one row. What is built here is what the test starts.
verdict() {
    if ! { replace "$1" "$2" "$3" && cargo build --locked --quiet --workspace &&
        cargo test --locked --quiet --package spell-tests --test "$4" --no-run; } >"$log" 2>&1; then
        echo broken
        return
    fi
    timeout 300 cargo test --locked --package spell-tests --test "$4" -- --exact "$5" >"$log" 2>&1 || true
    # Only the test's own line counts: without one there was no such test, or it did not end in time.
    if grep -aq "^test $5 \.\.\. FAILED" "$log"; then
        echo "seen to fail"
    elif grep -aq "^test $5 \.\.\. ok" "$log"; then
        echo survived
    else
        echo broken
    fi
}

# Whether a row is of one of the cards that were asked for; without any, it is.
is_wanted() {
    [ -n "$wanted" ] || return 0
    for card in $(echo "$1" | tr ',' ' '); do
        case " $wanted " in *" $card "*) return 0 ;; esac
    done
    return 1
}

wanted=$*
status=0
rows=0
echo "protections: copying the sources" >&2
copy_sources
cd "$tree"
while IFS="$(printf '\t')" read -r cards file old new target test; do
    case $cards in '#'*) continue ;; esac
    is_wanted "$cards" || continue
    rows=$((rows + 1))
    echo "protections: $cards: without \`$old\`" >&2
    cp "$file" "$original"
    verdict=$(verdict "$file" "$old" "$new" "$target" "$test" </dev/null)
    cp "$original" "$file"
    printf '{"card":"%s","file":"%s","test":"%s","verdict":"%s"}\n' "$cards" "$file" "$target::$test" "$verdict"
    case $verdict in
    "seen to fail") grep -a -A 2 -m 1 "^thread '.*panicked at" "$log" | cut -c 1-400 >&2 || true ;;
    *)
        tail -n 20 "$log" >&2
        status=1
        ;;
    esac
done <"$root/$table"
if [ "$rows" -eq 0 ]; then
    echo "protections: no row is of the cards $wanted" >&2
    exit 1
fi
exit "$status"
