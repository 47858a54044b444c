#!/bin/sh
# A private container engine for tests, in namespaces of its own, that lives as long as its standard input stays open.
#
#   tests/engine.sh docker|podman FOLDER [OPTION OF THE ENGINE...]
#
# FOLDER is made; FOLDER/engine.sock is the engine's socket and FOLDER/engine.log what it says. Standard output gets `ready` once the engine
# answers, or `failed` and the reason. Commands come on standard input, a line each, and are answered by `ready`, `gone` or `paused`:
# `kill` and `stop` end the engine (SIGKILL, SIGTERM) and leave its containers to it, `crash` ends both, `start` starts the engine again,
# `pause` and `resume` hold it up. When standard input ends, whoever held it, everything is ended and FOLDER is removed: the kernel ends all that lives in the process
# namespace, and the mounts, bridges and firewall rules go with theirs.
#
# TAFFRAIL_ENGINE_HIDES names a folder that the engine finds empty, as one on another machine does.
set -u

kind=$1
folder=$2

# The namespaces are entered once; a reaper is their first process, and they end with it.
if [ "${TAFFRAIL_ENGINE_INSIDE:-}" != "$folder" ]; then
    mkdir -p "$folder" || exit 1
    TAFFRAIL_ENGINE_INSIDE=$folder
    export TAFFRAIL_ENGINE_INSIDE
    for reaper in docker-init catatonit tini; do
        command -v "$reaper" >/dev/null 2>&1 && break
    done
    unshare --net --pid --mount --propagation slave --fork --kill-child --mount-proc \
        "$reaper" -- sh "$0" "$@" 2>"$folder/keeper.log"
    code=$?
    if [ "$code" != 0 ]; then echo "failed $(tail -n 1 "$folder/keeper.log")"; fi
    # A container whose end nobody saw leaves its control groups.
    for group in /sys/fs/cgroup/*/"${folder##*/}" /sys/fs/cgroup/"${folder##*/}"; do
        [ -d "$group" ] && find "$group" -depth -type d -exec rmdir {} + 2>/dev/null
    done
    rm -rf "$folder"
    exit "$code"
fi
shift 2

[ -z "${TAFFRAIL_ENGINE_HIDES:-}" ] || mount -t tmpfs hidden "$TAFFRAIL_ENGINE_HIDES" || exit 1

# Of the host's own settings nothing is read.
unset DOCKER_HOST DOCKER_CONFIG CONTAINERS_CONF NOTIFY_SOCKET
ip link set lo up 2>/dev/null || busybox ip link set lo up
log=$folder/engine.log
echo '{}' >"$folder/daemon.json"
mkdir -p "$folder/run"
engine=

launch() {
    rm -f "$folder/engine.sock" "$folder/engine.pid"
    : >"$log.new"
    case $kind in
        docker)
            dockerd --config-file "$folder/daemon.json" --data-root "$folder/data" --exec-root "$folder/exec" \
                --pidfile "$folder/engine.pid" --host "unix://$folder/engine.sock" --containerd-namespace "${folder##*/}" \
                --cgroup-parent "/${folder##*/}" "$@" >"$log.new" 2>&1 </dev/null &
            ;;
        podman)
            TMPDIR=$folder/run podman --root "$folder/data" --runroot "$folder/run" --tmpdir "$folder/run/tmp" --cgroup-manager cgroupfs \
                --events-backend file "$@" system service --time 0 "unix://$folder/engine.sock" >"$log.new" 2>&1 </dev/null &
            ;;
    esac
    engine=$!
    tries=0
    while :; do
        case $kind in
            docker) grep -q 'API listen on' "$log.new" && break ;;
            podman) [ -S "$folder/engine.sock" ] && break ;;
        esac
        tries=$((tries + 1))
        if ! kill -0 "$engine" 2>/dev/null || [ "$tries" -gt 600 ]; then
            echo "failed $(grep -v level=info "$log.new" | tail -n 1)"
            cat "$log.new" >>"$log"
            return 1
        fi
        sleep 0.05
    done
    echo ready
}

# What earlier lives said stays in the log.
keep() { cat "$log.new" >>"$log" 2>/dev/null; }

launch "$@"
while read -r command; do
    case $command in
        start) launch "$@" ;;
        kill | stop)
            [ "$command" = kill ] && kill -KILL "$engine" || kill -TERM "$engine"
            wait "$engine" 2>/dev/null
            keep
            echo gone
            ;;
        crash)
            # All but the reaper and this shell.
            kill -s KILL -- -1
            wait "$engine" 2>/dev/null
            keep
            echo gone
            ;;
        pause) kill -STOP "$engine" && echo paused ;;
        resume) kill -CONT "$engine" && echo ready ;;
    esac
done

# All but the reaper and this shell.
kill -s KILL -- -1
wait
# The kernel takes a moment to give back what the killed ones held.
tries=0
while [ "$tries" -lt 100 ]; do
    mounted=$(awk -v folder="$folder/" 'index($5, folder) == 1 { print $5 }' /proc/self/mountinfo | sort -r)
    [ -z "$mounted" ] && break
    echo "$mounted" | while read -r place; do umount -l "$place"; done 2>/dev/null
    tries=$((tries + 1))
done
exit 0
