import type { BranchVariable } from "@slipway/protocol/landing-modes";
import { branchSchema } from "@slipway/protocol/scalars";
import { wordsOf } from "@slipway/protocol/title-words";

/** What the variables of a template stand for; an empty one leaves nothing behind, its separator neither. */
export type BranchValues = Readonly<Record<BranchVariable, string>>;

/** With a suffix such as `-12` it still fits what git hosts and file systems take of a name. */
const LIMIT_CHARACTERS = 120;

/**
 * The name that a template gives a job's branch. Whatever is in template and values, git takes it (git-check-ref-format(1)), no shell has to quote it, and
 * nothing of it looks like an option, a revision or another ref.
 */
export function branchName(template: string, values: BranchValues): string {
  const filled = template.replace(/\{([a-z_]+)\}/g, (_, name: string) => partOf(values[name as BranchVariable] ?? ""));
  const parts = filled
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .replace(/[^A-Za-z0-9._/-]+/g, "-")
    .slice(0, LIMIT_CHARACTERS)
    .split("/")
    .map(cleanPart)
    .filter((part) => part !== "");
  // A branch `HEAD` or `refs/heads/x` would be taken for something else by whoever types it.
  const safe = parts.length > 0 && !/^(head|refs|fetch_head|orig_head|merge_head)$/i.test(parts[0] ?? "") && !/^[0-9a-f]{40,}$/i.test(parts.join("/"));
  return branchSchema.parse(safe ? parts.join("/") : ["slipway", ...parts].join("/") === "slipway" ? "slipway/job" : ["slipway", ...parts].join("/"));
}

/** A value makes no folders of its own. */
function partOf(value: string): string {
  return value.replace(/[\\/]+/g, "-");
}

/** One name between slashes: no dot in front or at the end, none twice, no `.lock`, no dashes that an empty value left. */
function cleanPart(part: string): string {
  let clean = part
    .replace(/\.{2,}/g, ".")
    .replace(/_{2,}/g, "_")
    .replace(/[-_]*-[-_]*/g, "-");
  for (let before = ""; clean !== before; ) {
    before = clean;
    clean = clean.replace(/^[-._]+|[-._]+$/g, "").replace(/\.lock$/i, "");
  }
  return clean;
}

/** What the variables stand for in a job. */
export function branchValues(job: {
  readonly number: number;
  readonly title: string;
  readonly backend: string;
  readonly model: string | null;
  readonly ticket: string | null;
  readonly originalTicket: string | null;
  readonly createdAt: number;
}): BranchValues {
  const time = new Date(job.createdAt).toISOString();
  return {
    job: String(job.number),
    slug: wordsOf(job.title) || "job",
    backend: job.backend,
    // The agent by the name that people know it by.
    clanker: job.model ?? job.backend,
    date: time.slice(0, 10),
    timestamp: time.slice(0, 19).replace(/[-:T]/g, ""),
    ticket: job.ticket ?? "",
    original_ticket: job.originalTicket ?? job.ticket ?? "",
  };
}
