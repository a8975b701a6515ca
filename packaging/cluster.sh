#!/usr/bin/env bash
# A cluster of local processes for development: a coordinator and three workers. Their
# state, logs and pids lie in .pangea/cluster/. Used by make up, logs, reload, down and
# debug-NODE; PORT=8464 make up takes another port.
set -euo pipefail
cd "$(dirname "$0")/.."

home=.pangea/cluster
port=${PORT:-$(cat "$home/port" 2>/dev/null || echo 7464)}
declare -A region=([nyc]=us [london]=eu [tokyo]=asia)
workers=(nyc london tokyo)
export PANGEA_DISCOVERY=${PANGEA_DISCOVERY:-static}

node() { # node NAME [OPTION...]: become that node
    local name=$1
    shift
    if [ "$name" = coordinator ]; then
        exec .venv/bin/pangea --state-dir "$home/coordinator" run --role coordinator \
            --listen "127.0.0.1:$port" --no-local-worker --name coordinator "$@"
    fi
    exec .venv/bin/pangea --state-dir "$home/$name" run --role worker --name "$name" \
        --region "${region[$name]}" --join "127.0.0.1:$port" --listen 127.0.0.1:0 \
        --secret-file "$home/coordinator/secrets.json" "$@"
}

runs() { # runs NAME: is the process we started still ours?
    local pid
    pid=$(cat "$home/$1.pid" 2>/dev/null) || return 1
    tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -q -- "$home/$1 run"
}

start() {
    runs "$1" && return
    (trap '' HUP; node "$1") >>"$home/$1.log" 2>&1 </dev/null &
    echo $! >"$home/$1.pid"
}

stop() {
    runs "$1" || return 0
    local pid
    pid=$(cat "$home/$1.pid")
    kill "$pid"
    for _ in $(seq 150); do
        runs "$1" || break
        sleep 0.1
    done
    runs "$1" && kill -9 "$pid"
    rm -f "$home/$1.pid"
}

served() { # wait until the coordinator is ready
    for _ in $(seq 100); do
        curl -fsS -o /dev/null "http://127.0.0.1:$port/readyz" 2>/dev/null && return
        runs coordinator || break
        sleep 0.1
    done
    echo "the coordinator does not serve; the end of $home/coordinator.log:" >&2
    tail -5 "$home/coordinator.log" >&2
    exit 1
}

up() {
    mkdir -p "$home"
    echo "$port" >"$home/port"
    start coordinator
    served
    for name in "${workers[@]}"; do start "$name"; done
    for _ in $(seq 50); do
        grep -q '^  log in' "$home/coordinator.log" && break
        sleep 0.1
    done
    grep -h '^  log in' "$home/coordinator.log" | tail -1 || true
    echo "http://127.0.0.1:$port  (make logs, make debug-nyc, make reload, make down)"
}

down() {
    for name in "${workers[@]}" coordinator; do stop "$name"; done
}

case ${1:-} in
    up) up ;;
    down) down ;;
    reload) down && up ;;
    logs) exec tail -n 20 -F "$home"/*.log ;;
    debug)
        mkdir -p "$home"
        stop "$2"
        node "$2" --log-level debug
        ;;
    *)
        echo "usage: $0 up | down | reload | logs | debug NODE" >&2
        exit 2
        ;;
esac
