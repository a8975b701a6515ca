#!/usr/bin/env bash
# How long does a fresh machine take to its first result?
#   packaging/first_result.sh binary   copies dist/pangea and starts it: at most 60 s
#   packaging/first_result.sh run      clones this checkout, `make run`: at most 180 s
# Everything is on loopback and in a temporary directory, and gone afterwards. What pip
# downloads counts; what make and Python themselves need has to be there.
set -euo pipefail
cd "$(dirname "$0")/.."
here=$PWD
case ${1:-} in
    binary) limit=60 ;;
    run) limit=180 ;;
    *) echo "usage: $0 binary | run" >&2 && exit 2 ;;
esac

place=$(mktemp -d)
node=
leave() {
    # The node leads a group of its own, with make and its worker in it.
    [ -z "$node" ] || kill -- "-$node" 2>/dev/null || true
    [ -z "$node" ] || wait "$node" 2>/dev/null || true
    rm -rf "$place"
}
trap leave EXIT
trap 'exit 130' INT TERM
for name in ${!PANGEA_*}; do unset "$name"; done
export PANGEA_DISCOVERY=static PANGEA_SELF_TEST=off PANGEA_CONFIG=/dev/null

start_binary() {
    cp "$here/dist/pangea" "$place/pangea"
    cd "$place"
    pangea=$place/pangea state=$place/state
    setsid "$pangea" --state-dir "$state" run --listen 127.0.0.1:0 >"$place/log" 2>&1 &
    node=$!
}

start_run() {
    git clone --quiet "file://$here" "$place/clone"
    cd "$place/clone"
    pangea=$PWD/.venv/bin/pangea state=$PWD/.pangea
    setsid make run ARGS="--listen 127.0.0.1:0" >"$place/log" 2>&1 &
    node=$!
}

has() { # has TEXT COMMAND...: does the command print it?
    local text=$1
    shift
    "$@" 2>/dev/null | grep -q -- "$text"
}

until_true() { # until_true WHAT COMMAND...
    local what=$1
    shift
    until "$@"; do
        if ! kill -0 "$node" 2>/dev/null || [ "$SECONDS" -gt $((2 * limit)) ]; then
            echo "no $what after $SECONDS s: $(tail -5 "$place/log")" >&2
            exit 1
        fi
        sleep 0.1
    done
}

took() {
    awk -v from="$begun" -v to="$EPOCHREALTIME" 'BEGIN { printf "%.1f", to - from }'
}

export LC_ALL=C
begun=$EPOCHREALTIME
"start_$1"
until_true "address" has "open " cat "$place/log"
serving=$(took)
url=$(sed -n 's/^ *open *//p' "$place/log" | head -1)
"$pangea" --state-dir "$state" --quiet job add http "$url/healthz" --name first --every 1s >/dev/null
until_true "result" has '"outcome": *"ok"' "$pangea" --state-dir "$state" results first --json
first=$(took)
echo "$1: serving after $serving s, first result after $first s (at most $limit s)"
awk -v first="$first" -v limit="$limit" 'BEGIN { exit first > limit }'
