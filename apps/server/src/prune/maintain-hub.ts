import { stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { maintain } from "@slipway/git/maintenance";
import { packHubRefs, pinBases } from "@slipway/git/prune-hub";

const DAY_MS = 86_400_000;

/** What maintenance asks of whoever knows the jobs. */
export interface MaintenanceRules {
  /** Whether somebody is at work in the repository now. */
  readonly isBusy: () => Promise<boolean>;
  /** Commits that a job may still need, whatever becomes of the branch that they came from. */
  readonly bases: () => Promise<ReadonlySet<string>>;
}

/**
 * Packs a repository's stores and removes what no ref has reached for a day: far longer than a push or a landing lies between its objects and its ref. Once
 * a day, in a moment in which nobody is at work there; where there is none for another day, beside them, because all that they need has refs by now.
 * True where it was time.
 */
export async function maintainHub(root: string, rules: MaintenanceRules, signal: AbortSignal): Promise<boolean> {
  const sinceMs = await sinceLastMs(root);
  if (sinceMs === null) {
    await mark(root);
    return false;
  }
  if (sinceMs < DAY_MS || (sinceMs < 2 * DAY_MS && (await rules.isBusy()))) return false;
  await pinBases(root, [...(await rules.bases())]);
  await packHubRefs(root, signal);
  await maintain(root, { pruneAfterMs: DAY_MS, signal });
  await mark(root);
  return true;
}

/** The age of this file is the time since the last maintenance; on disk, because a server may never run for a whole day. */
function markerOf(root: string): string {
  return join(root, "maintained");
}

async function sinceLastMs(root: string): Promise<number | null> {
  try {
    return Date.now() - (await stat(markerOf(root))).mtimeMs;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}

async function mark(root: string): Promise<void> {
  const now = Date.now() / 1_000;
  await writeFile(markerOf(root), "", { mode: 0o600 });
  await utimes(markerOf(root), now, now);
}
