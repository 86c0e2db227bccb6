#!/bin/sh
# Builds wordcount.wasm, or with `test` runs the native tests of its counting. Does nothing when all is up to date.
set -eu

ZIG_VERSION=0.15.2
BINDGEN_VERSION=0.57.1
OPTIONS="-std=c11 -Wall -Wextra -Werror"

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
components=$(dirname -- "$here")
tools=$(dirname -- "$components")/.tools
target=${CARGO_TARGET_DIR:-$components/target}
work=$target/wordcount
output=$target/wasm32-wasip2/release/wordcount.wasm
venv=$tools/venv
bindgen=$tools/bin/wit-bindgen

say() { echo "wordcount: $*" >&2; }

zig() {
    # Zig's caches stay inside the target folder, not in the user's home.
    ZIG_GLOBAL_CACHE_DIR=$work/zig ZIG_LOCAL_CACHE_DIR=$work/zig "$venv/bin/python" -m ziglang "$@"
}

install_zig() {
    [ -f "$venv/zig-$ZIG_VERSION" ] && return
    say "installing zig $ZIG_VERSION from PyPI"
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check "ziglang==$ZIG_VERSION"
    touch "$venv/zig-$ZIG_VERSION"
}

install_bindgen() {
    [ -x "$bindgen" ] && [ "$("$bindgen" --version)" = "wit-bindgen-cli $BINDGEN_VERSION" ] && return
    say "installing wit-bindgen $BINDGEN_VERSION from crates.io"
    cargo install --quiet --locked --root "$tools" --no-default-features --features c \
        --target-dir "$work/bindgen" "wit-bindgen-cli@$BINDGEN_VERSION"
    rm -rf "$work/bindgen"
}

# The folder of the `wasip2` crate, whose `wit/deps` is WASI's WIT.
wasi_folder() {
    cargo metadata --locked --format-version 1 --filter-platform wasm32-wasip2 --manifest-path "$components/Cargo.toml" |
        python3 -c 'import json, os, sys
packages = json.load(sys.stdin)["packages"]
print(next(os.path.dirname(p["manifest_path"]) for p in packages if p["name"] == "wasip2"))'
}

generate_bindings() {
    rm -rf "$work/wit" "$work/bindings"
    mkdir -p "$work/wit"
    cp "$here/wit/world.wit" "$work/wit/"
    cp -R "$(wasi_folder)/wit/deps" "$work/wit/deps"
    "$bindgen" c "$work/wit" --world wordcount --out-dir "$work/bindings" >"$work/bindgen.log" 2>&1 ||
        { cat "$work/bindgen.log" >&2; exit 1; }
}

compile() {
    objects=
    for source in "$here/src/handler.c" "$here/src/count.c" "$work/bindings/wordcount.c"; do
        object=$work/$(basename "$source" .c).o
        # Generated code is not held to our warnings.
        case $source in "$here"/*) options=$OPTIONS ;; *) options="-std=c11 -w" ;; esac
        # shellcheck disable=SC2086 # the options are words
        zig cc --target=wasm32-wasi $options -Os -g0 -ffunction-sections -fno-sanitize=undefined \
            -I"$work/bindings" -c "$source" -o "$object"
        objects="$objects $object"
    done
}

link() {
    lib=$(rustc --print sysroot)/lib/rustlib
    host=$(rustc -vV | sed -n 's/^host: //p')
    libc=$lib/wasm32-wasip2/lib/self-contained
    mkdir -p "$(dirname "$output")"
    # shellcheck disable=SC2086 # the objects are words
    PATH=$lib/$host/bin/gcc-ld:$PATH "$lib/$host/bin/wasm-component-ld" --no-entry --gc-sections --strip-all -z stack-size=65536 \
        "$libc/crt1-reactor.o" $objects "$work/bindings/wordcount_component_type.o" "$libc/libc.a" -o "$work/wordcount.wasm"
    mv "$work/wordcount.wasm" "$output"
}

cd "$components"
install_zig
mkdir -p "$work"

if [ "${1:-}" = test ]; then
    # shellcheck disable=SC2086 # the options are words
    zig cc $OPTIONS "$here/src/count.c" "$here/src/count_test.c" -o "$work/count_test"
    "$work/count_test"
    say "tests passed"
    exit
fi

if [ -f "$output" ] && [ -z "$(find "$here/src" "$here/wit" "$here/build.sh" "$components/Cargo.lock" -type f -newer "$output")" ]; then
    say "up to date"
    exit
fi
install_bindgen
say "building"
generate_bindings
compile
link
say "built $(wc -c <"$output") bytes"
