# Sourced by scripts/slipway and scripts/test. Makes the checkout ready to run: packages and a Node that runs TypeScript.
# Needs bash, git, Node 20 or newer and npm; expects $root (the checkout) and sets $node (the Node to use).

# fail CODE MESSAGE HINT: the form of every error of Slipway; 5 is the exit code for trouble with the environment.
fail() {
  printf 'error %s: %s\n%s\n' "$1" "$2" "$3" >&2
  exit 5
}

require_tools() {
  command -v git >/dev/null || fail TOOL_MISSING "git is not in the PATH." "Install it (Debian: apt install git), then try again."
  command -v node >/dev/null || fail TOOL_MISSING "node is not in the PATH." "Install Node 20 or newer (https://nodejs.org), then try again."
  local version
  version=$(node --version)
  major=${version#v}
  major=${major%%.*}
  [ "$major" -ge 20 ] || fail NODE_TOO_OLD "Node 20 or newer is needed; $(command -v node) is $version." "Install a newer Node (https://nodejs.org), or put one first in the PATH."
}

# What the packages depend on: the lockfile and the platform.
install_key() {
  printf '%s %s' "$(cksum <"$root/package-lock.json")" "$(uname -sm)"
}

packages_fit() {
  local stamp=$root/node_modules/.slipway-stamp
  [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$(install_key)" ] && return 0
  # npm writes this file last, so a newer one means that somebody ran npm by hand and all of it is there.
  [ "$root/node_modules/.package-lock.json" -nt "$root/package-lock.json" ] || return 1
  install_key >"$stamp"
}

# Runs "$@" while no other process does so in this checkout. The lock lies outside node_modules, which npm ci deletes.
locked() {
  local folder=$root/.slipway
  mkdir -p "$folder"
  if command -v flock >/dev/null; then
    (
      flock -n 9 || { note "Another slipway is installing in this checkout; waiting for it."; flock 9; }
      "$@"
    ) 9>"$folder/install.lock"
    return
  fi
  until mkdir "$folder/install.lock.d" 2>/dev/null; do
    [ -n "${waited:-}" ] || note "Another slipway is installing in this checkout; waiting for it. (If none is: rmdir '$folder/install.lock.d')"
    waited=1
    sleep 0.5
  done
  trap 'rmdir "$folder/install.lock.d"' EXIT
  "$@"
  rmdir "$folder/install.lock.d"
  trap - EXIT
}

note() {
  printf 'slipway: %s\n' "$1" >&2
}

# What npm says is wrong, without its stack traces and its help: up to eight lines of the log $1; the log's end where npm says nothing of the kind.
npm_cause() {
  local cause
  cause=$(sed -n -E 's/^npm (error|ERR!) //p' "$1" | sed -E '/^(Clean install|Usage:|Options:)/,$d; /^ /d; /^[{}]?$/d; /^A complete log/d' | sed -n '1,8p')
  [ -n "$cause" ] || cause=$(tail -n 8 "$1")
  printf '%s\n' "$cause"
}

# npm_failed CODE MESSAGE LOG HINT: tells the cause from the log, with a hint of its own where the cause is a usual one.
npm_failed() {
  local cause hint=$4
  cause=$(npm_cause "$3")
  printf '%s\n' "$cause" | sed 's/^/  npm: /' >&2
  case $cause in
    *ECONN* | *ENOTFOUND* | *ETIMEDOUT* | *EAI_AGAIN* | *ENETUNREACH* | *CERT* | *certificate*)
      hint="The package registry is out of reach: check \`npm ping\`, the proxy settings, and NODE_EXTRA_CA_CERTS behind a company's proxy; then try again." ;;
    *ENOSPC*) hint="The disk is full: free some space, then try again." ;;
    *EACCES* | *EPERM*) hint="Some files of this checkout belong to another user: check \`ls -l\` of the path that npm names, then try again." ;;
  esac
  fail "$1" "$2; npm's whole output is in $3." "$hint"
}

install_packages() {
  packages_fit && return 0 # somebody else did it while this one waited
  command -v npm >/dev/null || fail TOOL_MISSING "npm is not in the PATH." "Install npm (it comes with Node: https://nodejs.org), then try again."
  note "installing packages into node_modules (npm ci; only the first time and after updates; about a minute) ..."
  local log=$root/.slipway/npm-ci.log
  # No install scripts: what the packages need is inside them, and a compiler may be missing. The one exception follows in rebuild_node.
  if ! (cd "$root" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error) >"$log" 2>&1; then
    npm_failed INSTALL_FAILED "npm ci failed" "$log" "Mend what npm names above, then try again."
  fi
  install_key >"$root/node_modules/.slipway-stamp"
}

# Prints a Node 24 or newer: the one that the packages bring, else its platform package, else the machine's own.
find_node() {
  local candidate
  for candidate in "$root"/node_modules/node/bin/node "$root"/node_modules/node/node_modules/node-*/bin/node "$root"/node_modules/node-*-*/bin/node; do
    [ -x "$candidate" ] && printf '%s' "$candidate" && return 0
  done
  [ "$major" -ge 24 ] && command -v node
}

# The package `node` fetches its binary, a package of the platform, in an install script.
rebuild_node() {
  find_node >/dev/null && return 0
  note "fetching Node 24 (npm rebuild node; about 15 seconds) ..."
  local log=$root/.slipway/npm-rebuild.log
  (cd "$root" && npm rebuild node --ignore-scripts=false --no-audit --no-fund --loglevel=error) >"$log" 2>&1 || true
  find_node >/dev/null && return 0
  npm_failed NODE_MISSING "Node 24 could not be fetched (npm rebuild node)" "$log" \
    "Allow the install script of the package \`node\`, or install Node 24 or newer (https://nodejs.org) and put it first in the PATH."
}

# Whether the dashboard is built from what is here now.
dashboard_fits() {
  local built=$root/apps/web/dist/index.html
  [ -f "$built" ] && [ -z "$(find "$root/apps/web" "$root/packages/protocol/src" -name dist -prune -o -name node_modules -prune -o -newer "$built" -type f -print -quit)" ]
}

# Two seconds. Nothing else waits for the page: where it cannot be built, the server says so to the browser that asks for it.
build_dashboard() {
  dashboard_fits && return 0
  local log=$root/.slipway/dashboard.log
  (cd "$root/apps/web" && "$(find_node)" "$root/node_modules/vite/bin/vite.js" build) >"$log" 2>&1 && return 0
  note "the dashboard could not be built, everything else works; what was said is in $log."
}

install_all() {
  install_packages
  rebuild_node
  build_dashboard
}

set_up() {
  require_tools
  packages_fit && find_node >/dev/null && dashboard_fits || locked install_all
  node=$(find_node)
}
