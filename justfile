# What a contributor does, one recipe each; `.ci/run` runs the same ones.
set shell := ["bash", "-euo", "pipefail", "-c"]

# Tools that .ci/install-tools and .ci/install-guest-tools put beside the build come first.
export PATH := justfile_directory() / "target/tools/bin" + ":" + justfile_directory() / "target/tools/python/bin" + ":" + env("PATH")
target := env("CARGO_TARGET_DIR", "target")
claimsmith := target / "debug/claimsmith"

# Lists the recipes
default:
    @just --list --unsorted

# Formats the server and the rules
fmt:
    cargo fmt
    cargo fmt --manifest-path rules/Cargo.toml --all
    cargo fmt --manifest-path rules/engine/tool/Cargo.toml

# Fails if something is not formatted
fmt-check:
    cargo fmt --check
    cargo fmt --manifest-path rules/Cargo.toml --all --check
    cargo fmt --manifest-path rules/engine/tool/Cargo.toml --check

# Lints the server and the rules; a warning is an error
clippy:
    cargo clippy --locked --all-targets -- -D warnings
    cargo clippy --locked --manifest-path rules/Cargo.toml --all-targets -- -D warnings

# Runs every test
test:
    cargo test

# Makes the documentation of every item, private ones too; a warning is an error
doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps --document-private-items

# Checks licences, sources and versions of all dependencies (needs .ci/install-tools)
deny:
    cargo deny check licenses bans sources
    cargo deny --manifest-path rules/Cargo.toml --config deny.toml check licenses bans sources
    cargo deny --manifest-path rules/engine/tool/Cargo.toml --config deny.toml check licenses bans sources

# Checks the dependencies against the advisory database, which it fetches
advisories:
    cargo deny check advisories
    cargo deny --manifest-path rules/Cargo.toml --config deny.toml check advisories

# Builds the shipped rules (needs .ci/install-guest-tools)
rules:
    rules/build.sh

# Builds the JavaScript engine (needs .ci/install-guest-tools, and npm)
engine:
    rules/engine/build.sh

# Compares the committed JavaScript engine with its sources
engine-check:
    rules/engine/build.sh --check

# Checks the declarations for rules in JavaScript, and the list of licences of what the engine brings (needs npm)
types-check:
    cd rules/engine && npm ci --silent --no-audit --no-fund --ignore-scripts && node licences.mjs --check
    rules/engine/node_modules/.bin/tsc --project rules/types

# What a rule costs in JavaScript: here, and in Node's `vm` and in `isolated-vm` (needs npm)
bench-javascript:
    cargo bench --bench rule_call -- rules/roles-to-claims/rule.wasm benches/node/rule.js
    cd benches/node && npm ci --silent --no-audit --no-fund && node bench.mjs

# Compares the committed components with their sources, and tests what the rules in Rust share
rules-check:
    rules/build.sh --check
    cargo test --quiet --locked --manifest-path rules/Cargo.toml

# Builds what the recipes below run: not optimised, and with the features that tests are built with, so that after
# `just test` there is nothing left to compile
binary:
    cargo build --locked --bin claimsmith --test it

# Tries the workbench as a new author does: the Rust crate's tests, C's bindings, every command of
# docs/writing-rules.md, and the replay of a thousand exchanges with a rule in Python among the others (needs
# .ci/install-guest-tools, and npm)
workbench: binary
    cargo test --quiet --manifest-path sdk/rust/Cargo.toml --target-dir {{ target }}/sdk
    fresh=$(mktemp -d); trap 'rm -rf "$fresh"' EXIT; \
        wit-bindgen c wit/1.0.0 --world rule --out-dir "$fresh" >/dev/null 2>&1 && diff -r "$fresh" sdk/c
    .ci/run_transcript.py docs/writing-rules.md {{ claimsmith }}
    binary=$(realpath {{ claimsmith }}); fresh=$(mktemp -d); trap 'rm -rf "$fresh"' EXIT; \
        (cd "$fresh" && "$binary" rule new snake --lang python && "$binary" rule build snake); \
        CLAIMSMITH_PYTHON_RULE="$fresh/snake" cargo test --locked --test it workbench::replay::a_thousand

# From nothing to a token, then serves until Ctrl-C
demo *ARGS:
    cargo run --release -- demo {{ ARGS }}

# Runs the demo once, then verifies its tokens with PyJWT (needs .ci/install-tools)
token-check: binary
    data=$(mktemp -d); trap 'rm -rf "$data"' EXIT; \
        {{ claimsmith }} demo --once --json --listen 127.0.0.1:0 --data "$data/demo" >/dev/null
    python3 .ci/verify_token.py {{ claimsmith }}

# Clients and resource servers that others wrote, against a real server over TLS (needs .ci/install-tools)
clients: binary
    CARGO_TARGET_DIR={{ target }}/clients cargo build --locked --manifest-path tests/clients/rust/Cargo.toml
    python3 tests/clients/run.py {{ claimsmith }} {{ target }}/clients/debug/claimsmith-clients

# Sends the management API what its own OpenAPI document allows and forbids (needs .ci/install-tools)
schemathesis: binary
    python3 tests/schemathesis/run.py {{ claimsmith }}

# Cuts the power under the store and kills the server while it writes
faults:
    tests/faults/run.sh

# Feeds one parser with bytes for a minute: `just fuzz request_head` (needs `cargo install cargo-fuzz`)
fuzz TARGET SECONDS="60":
    RUSTC_BOOTSTRAP=1 cargo fuzz run {{ TARGET }} -- -max_total_time={{ SECONDS }}

# Everything that must pass before a change lands
ci:
    .ci/run
