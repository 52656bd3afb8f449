#!/bin/sh
# Crashes the store in every way we can make up and checks that nothing acknowledged is lost.
# Usage: run.sh [power cuts] [kills] [failing calls]
set -eu
cuts=${1:-60} kills=${2:-40} failures=${3:-12}
here=$(cd "$(dirname "$0")" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

binary=$(cd "$here/../.." && cargo test --test it --no-run --message-format=json 2>"$scratch/build" |
    python3 -c 'import json, sys
for line in sys.stdin:
    message = json.loads(line)
    if message.get("executable") and message["target"]["name"] == "it": print(message["executable"])') ||
    { cat "$scratch/build"; exit 1; }
cc -O2 -Wall -Wextra -shared -fPIC -o "$scratch/shim.so" "$here/shim.c" -ldl -lpthread

# child WHAT DIR [VARIABLE=VALUE…]: runs the program to be crashed. It takes seconds; a store that hangs is not waited for.
child() {
    what=$1 dir=$2
    shift 2
    timeout --verbose --kill-after=5 120 env CLAIMSMITH_CRASH="$what" CLAIMSMITH_CRASH_DIR="$dir" "$@" \
        "$binary" --exact store::crash::child --nocapture
}

echo "== kill -9"
CLAIMSMITH_KILLS=$kills "$binary" --exact store::crash::a_killed_process_loses_nothing_it_acknowledged \
    --nocapture >"$scratch/out" 2>&1 || { cat "$scratch/out"; exit 1; }
grep ' kills, ' "$scratch/out"

# Every second commit durable; and then, so that sled moves and overwrites much between two syncs,
# one in five hundred.
for every in 2 500; do
    echo "== power cuts, one commit in $every durable"
    store=$scratch/power.$every record=$scratch/record.$every
    mkdir "$store"
    # Three lives, so that opening again is in the record too.
    for last in 40 700 3000; do
        child write "$store" LD_PRELOAD="$scratch/shim.so" SHIM_ROOT="$store" SHIM_LOG="$record" \
            CLAIMSMITH_CRASH_LAST=$last CLAIMSMITH_CRASH_DURABLE_EVERY=$every >"$scratch/out"
    done
    python3 "$here/powercut.py" "$binary" "$record" "$cuts"
done

echo "== power cuts as if fdatasync did nothing: must lose"
if python3 "$here/powercut.py" "$binary" "$scratch/record.2" 6 --kind strict --ignore FDS | tail -1 | tee "$scratch/out" |
    grep -q ': 0 lost'; then
    echo "the recipe cannot fail, so it proves nothing" >&2
    exit 1
fi
cat "$scratch/out"

echo "== disks that fail"
for kind in eio enospc; do
    kept=0
    for n in $(seq "$failures"); do
        dir=$scratch/$kind.$n
        mkdir "$dir"
        # A store that cannot even be opened is no loss: nothing was acknowledged.
        child write "$dir" LD_PRELOAD="$scratch/shim.so" SHIM_ROOT="$dir" SHIM_FAIL="$kind $((n * n * 3))" \
            CLAIMSMITH_CRASH_LAST=100000 >"$scratch/out" 2>"$scratch/err" || grep -q 'Open(' "$scratch/err" ||
            { cat "$scratch/err"; exit 1; }
        grep '^ack ' "$scratch/out" >"$scratch/acks" || true
        child verify "$dir" <"$scratch/acks" | grep '^verdict' >"$scratch/out"
        grep -qx 'verdict kept' "$scratch/out" || { cat "$scratch/out"; exit 1; }
        kept=$((kept + 1))
    done
    echo "$kind after 3 to $((failures * failures * 3)) calls: $kept of $failures stores kept all they acknowledged"
done

echo "== speed of this build"
mkdir "$scratch/rate"
child rate "$scratch/rate" | grep '^rate'
