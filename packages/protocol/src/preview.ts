import { z } from "zod";
import { budgetSchema } from "./budget.ts";
import { LANES } from "./job.ts";
import { LANDING_MODES } from "./landing-modes.ts";
import { promptUsedSchema } from "./prompts.ts";
import { routeCandidateSchema } from "./routing.ts";
import { idSchema, nameSchema, oidSchema } from "./scalars.ts";
import { TASK_KIND_NAMES } from "./task-kinds.ts";

/** What a submission would come to, if it were sent now. Nothing is stored, and nobody is woken. */
export const jobPreviewSchema = z.object({
  repo: z.object({ id: idSchema, name: z.string() }),
  title: z.string(),
  taskKind: z.enum(TASK_KIND_NAMES),
  /** It answers or judges, and lands nothing. */
  readOnly: z.boolean(),
  /** What it starts from: as it was asked for, and the commit that this is now. */
  base: z.object({ asked: z.string(), oid: oidSchema }),
  landing: z.enum(LANDING_MODES),
  /** Null where nothing lands. `isNew`: a branch of its own, whose last letters come with the job. */
  target: z.object({ branch: z.string(), isNew: z.boolean() }).nullable(),
  backend: z.string(),
  backendConfig: z.record(z.string(), z.unknown()),
  /** Backends that follow where this one cannot go on, in their order. */
  fallbacks: z.array(z.string()),
  /** How the backend was chosen; empty where the job named one alone. */
  candidates: z.array(routeCandidateSchema),
  /** Commands before the first turn. */
  setup: z.array(z.string()),
  gates: z.array(z.object({ name: nameSchema, run: z.string(), needs: z.array(z.string()), paths: z.array(z.string()), timeoutSeconds: z.number() })),
  /** Further turns that gates and checks may cost. */
  repairs: z.int(),
  /** Checks that are on; `allowed`: the job lets them pass. */
  checks: z.array(z.object({ name: z.string(), level: z.enum(["error", "warning"]), allowed: z.boolean() })),
  /** Who reads the change; null where nobody does. */
  critic: z.object({ critics: z.array(z.object({ name: nameSchema, by: z.string() })), level: z.string(), quorum: z.int() }).nullable(),
  scope: z.object({ allow: z.array(z.string()), deny: z.array(z.string()) }),
  budget: budgetSchema,
  lane: z.enum(LANES),
  timeoutMs: z.int(),
  maxAttempts: z.int(),
  /** What a worker must have. */
  requires: z.array(z.string()),
  /** What the agent is asked first, and the template that this was made from. */
  prompt: z.object({ text: z.string(), template: promptUsedSchema }),
});
/** What a submission would come to. */
export type JobPreview = z.infer<typeof jobPreviewSchema>;
