#!/usr/bin/env bash
# A Docker engine of its own, for the tests of containers: beside whatever engine the machine has, with no hand on its firewall.
#   tests/docker/engine.sh start FOLDER   starts it with all that it keeps in FOLDER, waits until it answers, prints its DOCKER_HOST
#   tests/docker/engine.sh stop FOLDER    stops it, and what it started; FOLDER is the caller's to remove
# Needs root and Debian's packages docker.io and iptables. It has no bridge of its own and writes no firewall rules: what needs the network takes the
# host's (`slipway images build --network host`); networks that are made later reach each other, and published ports go through Docker's own proxy.
set -euo pipefail

usage() { sed -n '2,6s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2; }
fail() { printf 'engine: %s\n' "$1" >&2; exit 1; }

[ $# -eq 2 ] || usage
command=$1
mkdir -p "$2"
folder=$(cd "$2" && pwd)
socket=$folder/docker.sock pid_file=$folder/docker.pid log=$folder/dockerd.log

# Whether the process of the pid file is our dockerd: its arguments name this folder.
running() { [ -s "$pid_file" ] && tr '\0' '\n' <"/proc/$(cat "$pid_file")/cmdline" 2>/dev/null | grep -qxF -- "$pid_file"; }

start() {
  if running; then printf 'unix://%s\n' "$socket"; return; fi
  [ ${#socket} -le 100 ] || fail "the path of the socket is too long: $socket. Choose a shorter folder."
  [ "$(id -u)" -eq 0 ] || fail "an engine can be started by root only"
  local dockerd
  # Debian's own: another in front of the PATH may be a client with no engine beside it.
  dockerd=$(PATH=/usr/sbin:/usr/bin:/sbin:/bin:$PATH command -v dockerd) || fail "there is no dockerd: apt install --no-install-recommends docker.io iptables"
  rm -f "$pid_file" "$socket"
  : >"$log"
  setsid "$dockerd" --data-root "$folder/data" --exec-root "$folder/exec" --pidfile "$pid_file" --host "unix://$socket" \
    --bridge none --iptables=false --ip-masq=false --ip-forward=false --default-address-pool base=10.214.0.0/16,size=24 \
    </dev/null >>"$log" 2>&1 &
  local child=$!
  # The engine says so itself; its log is followed until it does, or until it has ended.
  local up=no follower
  exec 3< <(exec timeout 60 tail --pid="$child" -n +1 -F "$log" 2>/dev/null)
  follower=$!
  grep -q -m 1 'API listen on' <&3 && up=yes
  kill "$follower" 2>/dev/null || true
  exec 3<&-
  if [ "$up" = no ]; then
    tail -n 20 "$log" >&2
    kill "$child" 2>/dev/null || true
    fail "the engine did not start; its log is $log"
  fi
  curl --silent --fail --max-time 10 --unix-socket "$socket" http://engine/_ping >/dev/null || fail "the engine does not answer on $socket; its log is $log"
  printf 'unix://%s\n' "$socket"
}

stop() {
  running || return 0
  local pid
  pid=$(cat "$pid_file")
  kill "$pid"
  # It ends its containers first, each with ten seconds to go by itself.
  timeout 60 tail --pid="$pid" -f /dev/null || fail "the engine (process $pid) does not end; its log is $log"
  # It leaves the mount of a network namespace behind, and its own bind mount of the data; FOLDER could not be removed.
  awk -v below="$folder/" 'index($5, below) == 1 { print $5 }' /proc/self/mountinfo | sort -r | while read -r place; do umount --lazy "$place"; done
}

case $command in
  start) start ;;
  stop) stop ;;
  *) usage ;;
esac
