import { z } from "zod";
import { dayBudgetSchema } from "./budget.ts";
import { branchSchema, idSchema, oidSchema, timeSchema } from "./scalars.ts";
import { upstreamChangesSchema, upstreamSettingsSchema, upstreamSyncSchema } from "./upstream.ts";

/** A repository to be registered. The same name and address again is the same repository; CONFLICT where the name has another address. */
export const createRepositorySchema = z.strictObject({
  name: z
    .string()
    .regex(/^[\p{L}\p{N}][\p{L}\p{N} ._-]{0,99}$/u, "expected letters, digits, spaces and . _ -, at most 100")
    .describe("Unique name, as people type it."),
  /** Address that the server fetches from; null for a repository that a CLI pushes to the hub. */
  url: z.string().min(1).nullable().default(null),
  defaultBranch: branchSchema.default("main"),
  /** Jobs of this repository that may run at once. */
  maxRunning: z.int().min(1).max(1_000).default(100),
});
export type CreateRepository = z.input<typeof createRepositorySchema>;

/** What of a repository may be changed later; what is missing stays as it is. */
export const updateRepositorySchema = z
  .strictObject({
    defaultBranch: branchSchema.optional(),
    maxRunning: z.int().min(1).max(1_000).optional(),
    /** What all its jobs together may spend on models in a day, which begins at 00:00 UTC. Null takes a limit away. */
    dayBudget: z.strictObject({ tokens: z.int().positive().nullable().optional(), usd: z.number().positive().nullable().optional() }).optional(),
    /** How the hub and its own address are kept together. */
    upstream: upstreamChangesSchema.optional(),
  })
  .refine((changes) => Object.keys(changes).length > 0, "expected defaultBranch, maxRunning, dayBudget or upstream");

/** A repository as the API shows it. */
export const repositoryViewSchema = z.object({
  id: idSchema,
  name: z.string(),
  url: z.string().nullable(),
  defaultBranch: z.string(),
  maxRunning: z.int(),
  /** Tasks of it that are running now; the limit counts these. */
  running: z.int(),
  /** What all its jobs together may spend on models in a day. */
  dayBudget: dayBudgetSchema.default({}),
  /** What their model calls took today, since 00:00 UTC. */
  spentToday: z.object({ calls: z.int().nonnegative(), tokens: z.int().nonnegative(), usd: z.number().nonnegative() }).default({ calls: 0, tokens: 0, usd: 0 }),
  /** How its address is kept together with the hub; of no meaning where it has none. */
  upstream: upstreamSettingsSchema.prefault({}),
  /** How the last fetch from its address, or push there, went. */
  upstreamSync: upstreamSyncSchema.prefault({}),
  createdAt: timeSchema,
  /** Where a CLI pushes bases to and fetches results from, on `upstreamUrl`; refs/slipway/bases/* may be pushed. */
  upstreamUrl: z.string(),
  /** Where a CLI fetches the work of a job that did not land from, by its commit; nothing of it is listed. */
  jobsUrl: z.string(),
});
export type RepositoryView = z.infer<typeof repositoryViewSchema>;

/** A fast-forward of a hub branch to a commit that the hub already has; refused where it is not one. */
export const syncBranchSchema = z.strictObject({ branch: branchSchema, oid: oidSchema });
/** A branch of the hub and its commit; null where there is no such branch. */
export const branchViewSchema = z.object({ branch: z.string(), oid: oidSchema.nullable() });
