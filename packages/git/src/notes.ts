import { join } from "node:path";
import { gitText, runGit } from "./exec.ts";
import { withLock } from "./lock.ts";
import { reach, type UpstreamAccess } from "./upstream-access.ts";
import { upstreamFailure } from "./upstream-failure.ts";

/** The notes of landed commits, git-notes(1): on the hub, in a checkout that fetched them, and at an address that landings are pushed to. */
export const NOTES_REF = "refs/notes/slipway";
/** What of them the repository's own address has. */
const PUSHED_REF = "refs/slipway/notes-pushed";

/** The commits of the hub that have a note. */
export async function notedCommits(root: string): Promise<Set<string>> {
  const listing = await runGit(["notes", `--ref=${NOTES_REF}`, "list"], { gitDir: join(root, "upstream.git"), okExitCodes: [0, 1] });
  return new Set(
    listing.stdout
      .toString()
      .split("\n")
      .flatMap((line) => line.split(" ")[1] ?? []),
  );
}

/** Adds a line to the note of a commit of the hub; one that is there already is not added again. BASE_NOT_FOUND where there is no such commit. */
export async function addNoteLine(root: string, oid: string, line: string): Promise<void> {
  const gitDir = join(root, "upstream.git");
  await withLock(`notes ${gitDir}`, async () => {
    const shown = await runGit(["notes", `--ref=${NOTES_REF}`, "show", oid], { gitDir, okExitCodes: [0, 1] });
    const lines = shown.exitCode === 0 ? shown.stdout.toString().split("\n").filter(Boolean) : [];
    if (lines.includes(line)) return;
    const input = `${[...lines, line].join("\n")}\n`;
    await runGit(["notes", `--ref=${NOTES_REF}`, "add", "--force", "--file=-", oid], { gitDir, input, failure: "BASE_NOT_FOUND" });
  });
}

/**
 * Pushes the notes to the repository's own address, where it has not got them yet. `diverged` where somebody else writes notes of this name there: theirs
 * are left as they are. The codes of `pushUpstream`.
 */
export async function pushNotes(root: string, url: string, signal: AbortSignal, access: UpstreamAccess): Promise<"pushed" | "current" | "diverged"> {
  const gitDir = join(root, "upstream.git");
  const listing = await gitText(["for-each-ref", "--format=%(objectname) %(refname)", NOTES_REF, PUSHED_REF], { gitDir });
  const oidOf = (ref: string): string | undefined =>
    listing
      .split("\n")
      .find((line) => line.endsWith(` ${ref}`))
      ?.split(" ")[0];
  const oid = oidOf(NOTES_REF);
  if (oid === undefined || oid === oidOf(PUSHED_REF)) return "current";
  const source = reach(url, access);
  const args = ["push", "--porcelain", "--no-verify", "--no-follow-tags", "--", source.url, `${oid}:${NOTES_REF}`];
  try {
    const options = { gitDir, signal, failure: "REPOSITORY_UNREACHABLE", localTransport: true, config: source.config, env: source.env } as const;
    const { exitCode } = await runGit(args, { ...options, okExitCodes: [0, 1] });
    if (exitCode === 1) return "diverged";
  } catch (error) {
    throw upstreamFailure(error, source.url);
  }
  await runGit(["update-ref", PUSHED_REF, oid], { gitDir });
  return "pushed";
}

/** Fetches the notes of the hub into a user's checkout, where `git log --notes=slipway` shows them. False where the hub has none. REPOSITORY_UNREACHABLE. */
export async function fetchNotes(root: string, { url, credential }: { readonly url: string; readonly credential: string }): Promise<boolean> {
  const base = { cwd: root, configuration: "user", credential, failure: "REPOSITORY_UNREACHABLE" } as const;
  if ((await gitText(["ls-remote", "--", url, NOTES_REF], base)) === "") return false;
  const args = ["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-auto-gc", "--no-recurse-submodules", "--refmap=", "--", url];
  await runGit([...args, `+${NOTES_REF}:${NOTES_REF}`], base);
  return true;
}
