import { posix } from "node:path";
import type { FileDiff } from "@slipway/git/diff";
import type { CheckInput, Finding } from "./finding.ts";

/** Each lockfile with the files that say what belongs into it. */
const MANIFESTS: Readonly<Record<string, readonly string[]>> = {
  "package-lock.json": ["package.json", ".npmrc"],
  "npm-shrinkwrap.json": ["package.json", ".npmrc"],
  "yarn.lock": ["package.json", ".yarnrc.yml"],
  "pnpm-lock.yaml": ["package.json", "pnpm-workspace.yaml", ".npmrc"],
  "bun.lock": ["package.json", "bunfig.toml"],
  "deno.lock": ["deno.json", "deno.jsonc", "package.json"],
  "Cargo.lock": ["Cargo.toml"],
  "poetry.lock": ["pyproject.toml"],
  "uv.lock": ["pyproject.toml", "uv.toml"],
  "pdm.lock": ["pyproject.toml"],
  "Pipfile.lock": ["Pipfile"],
  "go.sum": ["go.mod"],
  "Gemfile.lock": ["Gemfile"],
  "composer.lock": ["composer.json"],
  "mix.lock": ["mix.exs"],
  "flake.lock": ["flake.nix"],
};
const ADDRESS = /\b(?:https?|git|ssh|git\+https?|git\+ssh):\/\/(?:[^\s/@"']*@)?([A-Za-z0-9.-]+)/g;
const NAMED_HOSTS = 5;

/** A lockfile that says something that its manifest does not. */
export function checkLockfiles({ files }: CheckInput): Finding[] {
  return files.flatMap((file) => {
    const manifests = MANIFESTS[posix.basename(file.path)];
    return manifests ? [...alone(file, manifests, files), ...hosts(file)] : [];
  });
}

function alone({ path, status }: FileDiff, manifests: readonly string[], files: readonly FileDiff[]): Finding[] {
  const folder = posix.dirname(path);
  // A workspace's one lockfile is about all manifests below it.
  const isAbout = (other: FileDiff): boolean => manifests.includes(posix.basename(other.path)) && (folder === "." || other.path.startsWith(`${folder}/`));
  if (status === "deleted") {
    const isReplaced = files.some((other) => other.status === "added" && MANIFESTS[posix.basename(other.path)] && posix.dirname(other.path) === folder);
    return isReplaced ? [] : [{ path, message: "The lockfile is deleted: what is installed is then anybody's guess." }];
  }
  if (status === "added" || files.some(isAbout)) return [];
  return [{ path, message: `The lockfile changes, and none of ${manifests.join(", ")} does: nothing asks for other packages.` }];
}

/** Packages from a host that the lockfile did not name before. */
function hosts({ path, before, added }: FileDiff): Finding[] {
  if (before === undefined) return [];
  const known = new Set(Array.from(before.matchAll(ADDRESS), ([, host]) => host));
  if (known.size === 0) return [];
  const found = new Map<string, number>();
  for (const { number, text } of added) {
    for (const [, host = ""] of text.matchAll(ADDRESS)) if (!known.has(host) && isOfPackage(text) && !found.has(host)) found.set(host, number);
  }
  return Array.from(found, ([host, line]) => ({ path, line, message: `It takes a package from ${host}, a host that the lockfile did not name before.` })).slice(
    0,
    NAMED_HOSTS,
  );
}

/** Lockfiles of npm tell of funding and home pages too. */
function isOfPackage(line: string): boolean {
  return !/"(url|funding|homepage)"\s*:/.test(line);
}
