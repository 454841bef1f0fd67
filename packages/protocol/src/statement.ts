import { z } from "zod";
import { idSchema, nameSchema, oidSchema, sha256Schema } from "./scalars.ts";

/**
 * What a landed job can be shown by, for others to sign: an in-toto Statement (https://in-toto.io/Statement/v1) with the predicate of SLSA provenance
 * (https://slsa.dev/provenance/v1). Written as `canonicalJson` does, the same job gives the same bytes, whenever it is asked for.
 */

/** Type of each statement. */
export const STATEMENT_TYPE = "https://in-toto.io/Statement/v1";
/** Type of its predicate. */
export const PROVENANCE_TYPE = "https://slsa.dev/provenance/v1";
/** What was done: a job of Slipway; its parameters are described on the page of gates. */
export const BUILD_TYPE = "urn:slipway:job:v1";

/** RFC 3339, in UTC. */
const isoTimeSchema = z.iso.datetime();

/** One receipt, as the statement tells of it. */
const receiptByproductSchema = z.strictObject({
  /** `receipt:` and the gate's name. */
  name: z.string().startsWith("receipt:"),
  /** Of the gate's whole output, secrets masked. */
  digest: z.strictObject({ sha256: sha256Schema }),
  annotations: z.strictObject({
    gate: nameSchema,
    tree: oidSchema,
    commandSha256: sha256Schema,
    setupSha256: sha256Schema,
    image: z.string(),
    environmentSha256: sha256Schema,
    exitCode: z.int(),
    durationMs: z.number().nonnegative(),
    /** Null for receipts from before this was kept. */
    at: isoTimeSchema.nullable(),
    /** Number of the verify job that made it. */
    verifyJob: z.int().positive(),
    /** Whether it was made for another job's change with the very same tree. */
    reused: z.boolean(),
    flaky: z.boolean(),
  }),
});

/** The whole statement. */
export const statementSchema = z.strictObject({
  _type: z.literal(STATEMENT_TYPE),
  /** The commit that landed, and its tree. */
  subject: z
    .array(z.strictObject({ name: z.string(), digest: z.union([z.strictObject({ gitCommit: oidSchema }), z.strictObject({ gitTree: oidSchema })]) }))
    .length(2),
  predicateType: z.literal(PROVENANCE_TYPE),
  predicate: z.strictObject({
    buildDefinition: z.strictObject({
      buildType: z.literal(BUILD_TYPE),
      externalParameters: z.strictObject({
        repository: z.string(),
        target: z.string(),
        backend: z.string(),
        /** As the job's settings name it; null where they name none. */
        model: z.string().nullable(),
        title: z.string(),
        /** Of the task's text, which may be private. */
        taskSha256: sha256Schema,
      }),
      internalParameters: z.strictObject({
        job: z.int().positive(),
        jobId: idSchema,
        /** That made the change; of work that was accepted an attempt of the job that left it, null where that was accepted work itself. */
        attempt: z.int().positive().nullable(),
        /** Of work that a person accepted: whose it was, who accepted it and why, and what was red; missing for all other. */
        accepted: z
          .strictObject({
            job: z.int().positive(),
            jobId: idSchema,
            by: z.string(),
            at: isoTimeSchema,
            because: z.string().nullable(),
            red: z.array(z.string()),
          })
          .optional(),
        sandbox: z.string(),
        /** The last commit of the batch that it landed in, whose tree the receipts are for; missing where that is the commit itself. */
        testedAs: oidSchema.optional(),
        /** Gates that are red on what landed, and were excused. */
        redGates: z.array(nameSchema),
      }),
      /** The commit that the job started from. */
      resolvedDependencies: z.array(z.strictObject({ name: z.string(), digest: z.strictObject({ gitCommit: oidSchema }) })),
    }),
    runDetails: z.strictObject({
      /** `urn:uuid:` and the installation's id. */
      builder: z.strictObject({ id: z.string().startsWith("urn:uuid:") }),
      metadata: z.strictObject({ invocationId: z.string(), startedOn: isoTimeSchema, finishedOn: isoTimeSchema }),
      byproducts: z.array(receiptByproductSchema),
    }),
  }),
});
/** What a landed job can be shown by. */
export type Statement = z.infer<typeof statementSchema>;
