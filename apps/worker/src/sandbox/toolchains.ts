import { existsSync, readdirSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { basename, dirname, isAbsolute, join, resolve, sep } from "node:path";

/** Always there in a sandbox. */
const SYSTEM = ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64"];
/** In a home folder: never shown, nor anything around them. */
const PRIVATE = [
  ".ssh",
  ".gnupg",
  ".aws",
  ".azure",
  ".config",
  ".docker",
  ".kube",
  ".netrc",
  ".npmrc",
  ".pypirc",
  ".git-credentials",
  ".password-store",
  ".mozilla",
  ".local/share",
];
/** Files that hold credentials inside a toolchain's folder: where one is there, only the folder on PATH is shown. */
const CREDENTIALS = ["credentials", "credentials.toml", ".credentials", "auth.json", ".npmrc", ".netrc"];
/** What a program on PATH needs besides its own folder: proxies of rustup look for the toolchains there. */
const COMPANIONS: Readonly<Record<string, readonly string[]>> = { ".cargo": [".rustup"] };

/**
 * Host folders that must be visible for the tools on `pathEnv` to work, beyond the system's own: for an entry `X/bin` (or `X/shims`) the whole of X, because a
 * tool's libraries lie beside its programs; only the entry itself where X is or holds something private. Never the home folder, `/`, or what is in `never`.
 */
export function readOnlyToolchains(pathEnv: string, options: { home?: string; never?: readonly string[] } = {}): string[] {
  const home = resolve(options.home ?? homedir());
  const never = [...PRIVATE.map((name) => join(home, name)), ...(options.never ?? []).map((path) => resolve(path))];
  const shown = new Set<string>();
  for (const entry of pathEnv
    .split(":")
    .filter(isAbsolute)
    .map((path) => resolve(path))) {
    for (const folder of foldersOf(entry, home, never)) shown.add(folder);
  }
  const folders = [...shown].filter((folder) => existsSync(folder) && !isPrivate(folder, home, never));
  return folders.filter((folder) => !folders.some((outer) => isBelow(folder, outer))).sort();
}

function foldersOf(entry: string, home: string, never: readonly string[]): string[] {
  if (SYSTEM.some((folder) => entry === folder || isBelow(entry, folder)) || !isFolder(entry)) return [];
  const parent = dirname(entry);
  const companions = (COMPANIONS[basename(parent)] ?? []).map((name) => join(dirname(parent), name));
  const isToolchain = ["bin", "sbin", "shims"].includes(basename(entry)) && !isPrivate(parent, home, never) && !holdsCredentials(parent);
  return [isToolchain ? parent : entry, ...companions];
}

/** Whether showing `folder` would show something private: it is one, lies in one, or holds one. */
function isPrivate(folder: string, home: string, never: readonly string[]): boolean {
  if (folder === "/" || folder === home || isBelow(home, folder)) return true;
  return never.some((path) => folder === path || isBelow(folder, path) || isBelow(path, folder));
}

function holdsCredentials(folder: string): boolean {
  try {
    return readdirSync(folder).some((name) => CREDENTIALS.includes(name));
  } catch {
    // Not readable, so nothing is known of it: rather show less.
    return true;
  }
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

function isBelow(path: string, folder: string): boolean {
  return path.startsWith(folder === "/" ? folder : folder + sep);
}
