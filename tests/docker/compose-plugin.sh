#!/usr/bin/env bash
# Docker's compose for machines whose Debian has it only in the next release: prints a DOCKER_CONFIG with the plugin in it.
#   tests/docker/compose-plugin.sh FOLDER     what is fetched stays in FOLDER, and is not fetched again
# Prints nothing where `docker compose` is there already. Needs apt; installs nothing.
set -euo pipefail

[ $# -eq 1 ] || { sed -n '2,4s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2; }
if docker compose version >/dev/null 2>&1; then exit 0; fi
mkdir -p "$1/cli-plugins"
folder=$(cd "$1" && pwd)
if [ ! -x "$folder/cli-plugins/docker-compose" ]; then
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  mkdir -p "$work/lists/partial" "$work/cache/archives/partial"
  echo 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian trixie main' >"$work/sources.list"
  apt=(apt-get -qq -o "Dir::Etc::sourcelist=$work/sources.list" -o Dir::Etc::sourceparts=/dev/null -o "Dir::State::lists=$work/lists" -o "Dir::Cache=$work/cache" -o APT::Sandbox::User=root)
  "${apt[@]}" update
  (cd "$work" && "${apt[@]}" download docker-compose >/dev/null && dpkg -x docker-compose_*.deb system)
  install -m 755 "$work/system/usr/libexec/docker/cli-plugins/docker-compose" "$folder/cli-plugins/docker-compose"
fi
printf '%s\n' "$folder"
