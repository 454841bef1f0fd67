import { z } from "zod";
import { ERROR_CODES } from "./errors.ts";
import { completionViewSchema, receiptSchema } from "./job.ts";
import { BATCH_MAX, LANDING_STYLES } from "./landing.ts";
import { LANDING_MODES } from "./landing-modes.ts";
import { fenceSchema, idSchema, oidSchema } from "./scalars.ts";
import { hubAccessSchema } from "./worker-api.ts";

/**
 * Messages between the integrator and the server. A claimed completion has its own lease and fence. Completions of one target are handed out in the order in
 * which they are to land, to one integrator at a time: as many as the target's own `.slipway.yaml` says (`landing.train.parallel`).
 */

/** Asks for the next completion; held until there is one, at most `waitMs`. The same `claimId` reads the same claim again. */
export const claimCompletionSchema = z.strictObject({
  claimId: idSchema,
  integratorId: idSchema,
  waitMs: z.int().min(0).max(60_000).default(30_000),
});
/** A completion under a lease: `ttlMs` is what was left of it when the answer was made. */
export const claimedCompletionSchema = z.object({
  completion: completionViewSchema,
  fence: z.int().positive(),
  ttlMs: z.int(),
  /** Title and number of the job, for the commit message; and whether it lands in the hub, or goes to the repository's address on a branch of its own. */
  job: z.object({ id: idSchema, number: z.int(), title: z.string(), backend: z.string(), landing: z.enum(LANDING_MODES).default("train") }),
  /** `pushRef` is where the merged commit goes. */
  hub: hubAccessSchema,
  /** The target's commit now; null where the branch does not exist yet (then it starts at `completion.baseOid`). */
  targetOid: oidSchema.nullable(),
  /** Its place among the completions of its target, from its first claim on: they are merged, and land, in this order. */
  place: z.int().positive(),
  /** How it becomes a commit of the target, by the target's own `.slipway.yaml` as it was at the claim. */
  style: z.enum(LANDING_STYLES),
  /** How many verifications of the target there may be at the same time where one may test several changes, and how many changes that may be. */
  train: z.object({ parallel: z.int().positive(), batch: z.int().positive() }),
  /** Completions with the same key may be tested together; null: this one is tested alone. */
  batchKey: z.string().nullable(),
});
export type ClaimedCompletion = z.infer<typeof claimedCompletionSchema>;
/** Null where there was none in time. */
export const claimCompletionResponseSchema = z.object({ claimed: claimedCompletionSchema.nullable() });

const batchSchema = z
  .array(z.strictObject({ completion: idSchema, fence: fenceSchema, mergedOid: oidSchema }))
  .max(BATCH_MAX - 1)
  .default([]);

/** Asks for receipts of the merged tree; idempotent. */
export const verifyRequestSchema = z.strictObject({
  /** The merged commit, already pushed to the claim's `pushRef`. */
  mergedOid: oidSchema,
  /** The commit that it was merged onto: the target's, or the merged commit of the completion before it in the train. Null for a new branch. */
  expectedOld: oidSchema.nullable(),
  /** Completions whose changes the merged tree has too and that are verified by it, in order; `expectedOld` is what the first of them was merged onto. */
  batch: batchSchema,
  /** 2: where the merged tree was red it is verified once more, by a second verify job. */
  run: z.int().min(1).max(2).default(1),
});
/** How far the verification of the merged tree is. */
export const verifyResponseSchema = z.discriminatedUnion("status", [
  /** Receipts for every required gate exist. */
  z.object({ status: z.literal("verified"), receipts: z.array(receiptSchema) }),
  /** Wait for this job to end, then ask again. */
  z.object({ status: z.literal("waiting"), verifyJobId: idSchema }),
  /** A required gate is red, or the verify job itself failed. `mayRunAgain`: a second run may end otherwise, and the repository wants one. */
  z.object({
    status: z.literal("rejected"),
    code: z.enum(ERROR_CODES),
    message: z.string(),
    details: z.record(z.string(), z.unknown()),
    mayRunAgain: z.boolean().default(false),
  }),
]);
export type VerifyResponse = z.infer<typeof verifyResponseSchema>;

/**
 * Moves the target from `expectedOld` (null: a new branch) to the merged commit. TARGET_MOVED where it stands elsewhere, RECEIPT_MISSING where a gate has no
 * receipt. With a batch all of it lands by one move, each as the commit that it was merged to; LEASE_LOST names the completion whose lease is over.
 */
export const landRequestSchema = z.strictObject({ mergedOid: oidSchema, expectedOld: oidSchema.nullable(), batch: batchSchema });
/** What is to land. */
export type LandRequest = z.infer<typeof landRequestSchema>;
/** The completion as it is after the landing, or the rejection. */
export const landResponseSchema = z.object({ completion: completionViewSchema });

/** Gives a completion up; its job fails with this. */
export const rejectRequestSchema = z.strictObject({
  code: z.enum(ERROR_CODES),
  message: z.string().max(20_000),
  details: z.record(z.string(), z.unknown()).default({}),
});
