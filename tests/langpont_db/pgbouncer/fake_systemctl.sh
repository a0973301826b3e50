#!/bin/bash
# Stands for systemd in tests: keeps pgbouncer.service, notes every call, and only notes what is about other units.
# FAKE_SYSTEMD: its folder, with the files user, ini, binary, nofile and, to make calls fail, fail.
set -u
cd "$FAKE_SYSTEMD" || exit 1
echo "$*" >> calls
if [ -e fail ] && [[ "$*" == $(<fail) ]]; then
    echo "Job for ${*: -1} failed." >&2
    exit 1
fi

# Sets running: the process's number, 0 if it has ended.
look() {
    local line
    running=0
    [ -e pid ] || return 0
    read -r running < pid
    { read -r line < "/proc/$running/stat"; } 2>/dev/null || line=") Z"
    line=${line##*) }
    [[ "$line" == [RSD]* ]] || running=0
}

start() {
    look
    [ "$running" = 0 ] || return 0
    local as=() user
    read -r user < user
    [ "$(id -un)" = "$user" ] || as=(setpriv "--reuid=$user" "--regid=$user" --clear-groups)
    (
        ulimit -n "$(<nofile)"
        exec setsid "${as[@]}" "$(<binary)" "$(<ini)" > log 2>&1 < /dev/null
    ) &
    echo $! > pid
    # As with Type=notify: back when it is up, or when it has ended.
    until grep -q "process up" log 2>/dev/null; do
        look
        if [ "$running" = 0 ]; then
            echo "Job for pgbouncer.service failed." >&2
            exit 1
        fi
        sleep 0.01
    done
}

stop() {
    look
    [ "$running" = 0 ] && return
    kill -TERM "$running"
    while [ "$running" != 0 ]; do sleep 0.01; look; done
}

case "$*" in
    "show pgbouncer.service --property=LoadState,MainPID,User")
        [ -e user ] || { printf 'LoadState=not-found\nMainPID=0\nUser=\n'; exit 0; }
        look
        read -r user < user
        printf 'LoadState=loaded\nMainPID=%s\nUser=%s\n' "$running" "$user"
        ;;
    "start pgbouncer.service") start ;;
    "restart pgbouncer.service") stop; rm -f log; start ;;
    "stop pgbouncer.service") stop; rm -f log ;;
esac
