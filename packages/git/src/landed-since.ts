import { join } from "node:path";
import { gitText } from "./exec.ts";

/** A commit as its message tells of it. */
export interface LandedCommit {
  readonly oid: string;
  /** Its first line. */
  readonly subject: string;
  /** The id of the job behind it, by its trailer; null where it names none. */
  readonly jobId: string | null;
}

export interface Since {
  readonly from: string;
  readonly to: string;
  /** Only what touched one of these; all where there are none. */
  readonly paths: readonly string[];
  readonly limit: number;
}

/** Paths that git is asked of at once. */
const PATHS_LIMIT = 200;

/** What a branch of the hub has at `to` that it had not at `from`, newest first, merges left out. BASE_NOT_FOUND. */
export async function landedSince(root: string, { from, to, paths, limit }: Since): Promise<LandedCommit[]> {
  const format = "--format=%H%x1f%s%x1f%(trailers:key=Slipway-Job,valueonly,separator=%x2C)";
  const args = ["log", "-z", "--no-merges", `--max-count=${limit}`, format, "--end-of-options", `${from}..${to}`, "--", ...paths.slice(0, PATHS_LIMIT)];
  const text = await gitText(args, { gitDir: join(root, "jobs.git"), env: { GIT_LITERAL_PATHSPECS: "1" }, failure: "BASE_NOT_FOUND" });
  return text
    .split("\0")
    .filter(Boolean)
    .map((entry) => {
      const [oid = "", subject = "", job = ""] = entry.split("\x1f");
      const jobId = job.split(",")[0]?.trim() ?? "";
      return { oid, subject, jobId: /^[0-9a-f-]{36}$/.test(jobId) ? jobId : null };
    });
}
