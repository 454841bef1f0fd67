import { z } from "zod";
import { ERROR_CODES } from "./errors.ts";
import { branchSchema, oidSchema, timeSchema } from "./scalars.ts";

/** How the hub and a repository's own address are kept together ([guides/upstream.md](guides/upstream.md)). */

/** What goes to the repository's address by itself: nothing, or each branch on which something landed. */
export const UPSTREAM_PUSHES = ["never", "landed"] as const;
/** What becomes of a hub branch whose history was rewritten at the address: it waits for a person, or follows where nothing of its own would be lost. */
export const REWRITE_RULES = ["stop", "follow"] as const;

/** What becomes of a branch where hub and address both went on: it waits for a person, or a job merges the two where git can, verified like any change. */
export const DIVERGED_RULES = ["stop", "merge"] as const;

/** Name of a secret of the server that an address is reached with: a file in its folder of secrets, or a variable. */
export const credentialNameSchema = z
  .string()
  .regex(/^[A-Za-z][A-Za-z0-9_]{0,63}$/, "expected a secret's name: letters, digits and _, at most 64, a letter first");

/** The least time between two syncs by the clock, in ms. */
const SYNC_EVERY_LEAST_MS = 5_000;
const SYNC_EVERY_MOST_MS = 7 * 86_400_000;

const fields = {
  push: z.enum(UPSTREAM_PUSHES),
  onRewrite: z.enum(REWRITE_RULES),
  onDiverged: z.enum(DIVERGED_RULES),
  /** Fetched again when the last time is longer ago, in ms: by the clock, and before a job's base is looked up. Null: on demand alone. */
  syncEveryMs: z.int().min(SYNC_EVERY_LEAST_MS).max(SYNC_EVERY_MOST_MS).nullable(),
  /** Name of the secret with a token (https) or a private key (ssh); null: none is shown. */
  credential: credentialNameSchema.nullable(),
  /** Lines as in a known_hosts file of ssh: the only host keys that are taken. Null: what the server's own account knows. */
  knownHosts: z.string().min(1).max(65_536).nullable(),
};

/** The settings, each with its default. */
export const upstreamSettingsSchema = z.object({
  push: fields.push.default("never"),
  onRewrite: fields.onRewrite.default("stop"),
  onDiverged: fields.onDiverged.default("stop"),
  syncEveryMs: fields.syncEveryMs.default(null),
  credential: fields.credential.default(null),
  knownHosts: fields.knownHosts.default(null),
});
/** How a repository's address is kept together with the hub. */
export type UpstreamSettings = z.infer<typeof upstreamSettingsSchema>;

/** What of it is changed; what is missing stays, and null is the default again. */
export const upstreamChangesSchema = z.strictObject({
  push: fields.push.optional(),
  onRewrite: fields.onRewrite.optional(),
  onDiverged: fields.onDiverged.optional(),
  syncEveryMs: fields.syncEveryMs.optional(),
  credential: fields.credential.optional(),
  knownHosts: fields.knownHosts.optional(),
});
/** Changes of `UpstreamSettings`. */
export type UpstreamChanges = z.infer<typeof upstreamChangesSchema>;

/** How the last sync went. */
export const upstreamSyncSchema = z.object({
  /** When the address was last asked; null: never. */
  at: timeSchema.nullable().default(null),
  /** When it last answered. */
  okAt: timeSchema.nullable().default(null),
  /** Failures in a row. */
  failures: z.int().nonnegative().default(0),
  /** When the next try by itself comes; null: none is due. */
  nextAt: timeSchema.nullable().default(null),
  error: z
    .object({ code: z.enum(ERROR_CODES), message: z.string() })
    .nullable()
    .default(null),
});
/** How the last sync went. */
export type UpstreamSync = z.infer<typeof upstreamSyncSchema>;

/**
 * How a branch of the hub stands to the same branch at the address, as that was last fetched:
 * - `equal`; `ahead`: what landed was not pushed; `behind`: somebody pushed there, and the hub follows with the next sync;
 * - `diverged`: each has commits that the other has not; `rewritten`: the address dropped commits that the hub's branch has. A person decides.
 */
export const UPSTREAM_STATES = ["equal", "ahead", "behind", "diverged", "rewritten"] as const;
/** One of `UPSTREAM_STATES`. */
export type UpstreamState = (typeof UPSTREAM_STATES)[number];

/** A branch of the hub beside that of the address. */
export const upstreamBranchSchema = z.object({
  branch: z.string(),
  state: z.enum(UPSTREAM_STATES),
  hubOid: oidSchema,
  /** Null: the address has no such branch. */
  upstreamOid: oidSchema.nullable(),
  /** Commits that the hub alone has, and the address alone. */
  ahead: z.int().nonnegative(),
  behind: z.int().nonnegative(),
  /** Number of the job that merges, or could not merge, the two sides of a branch that diverged; null where none was made. */
  mergeJob: z.int().positive().nullable().default(null),
});
/** A branch of the hub beside that of the address. */
export type UpstreamBranch = z.infer<typeof upstreamBranchSchema>;

/** What a sync did with a branch of the hub. */
export const upstreamMoveSchema = z.object({
  branch: z.string(),
  what: z.enum(["forwarded", "followed", "pushed"]),
  oid: oidSchema,
});
/** What a sync did with a branch of the hub. */
export type UpstreamMove = z.infer<typeof upstreamMoveSchema>;

/** A person's word about a branch that `diverged` or was `rewritten`. */
export const resolveUpstreamSchema = z.strictObject({
  branch: branchSchema.describe("The branch, as hub and address call it."),
  take: z
    .enum(["upstream", "hub"])
    .describe("`upstream`: the hub's branch becomes what the address has; `hub`: the address's becomes what the hub has, by a push with lease."),
});
