import { SlipwayError } from "@slipway/protocol/errors";
import type { Failure, JobDetail, Receipt } from "@slipway/protocol/job";
import { REVISION_LIMITS, type RedOnMerge, type Revision } from "@slipway/protocol/revisions";
import { z } from "zod";
import type { ControlPlane } from "../control-plane.ts";

/** What the rejection of a red tree says of its gates (`verify.ts`). */
const detailsSchema = z.object({
  verifyJobId: z.string(),
  gates: z.array(z.object({ gate: z.string(), exitCode: z.int().nullable(), redBefore: z.boolean() })),
});

/** The gates that are red on a merged tree, each with its receipt and the end of what it said, by the verify job that ran them. */
export async function redOnMerge(plane: ControlPlane, { details }: Failure): Promise<Pick<Revision, "verifyJob" | "gates">> {
  const told = detailsSchema.safeParse(details).data;
  const verified = told && (await plane.store.getJobDetail(told.verifyJobId));
  if (!verified) return { verifyJob: null, gates: [] };
  const gates = await Promise.all(
    told.gates.slice(0, REVISION_LIMITS.gates).map(async ({ gate, exitCode, redBefore }): Promise<RedOnMerge> => {
      const receipt = verified.receipts.findLast((one) => one.gate === gate);
      return {
        name: gate.slice(0, 200),
        command: (receipt?.command ?? "").slice(0, REVISION_LIMITS.textCharacters),
        exitCode: receipt?.exitCode ?? exitCode,
        durationMs: receipt?.durationMs ?? 0,
        excerpt: receipt ? await endOfOutput(plane, verified, receipt) : "",
        redBefore,
        receipt: receipt ? { tree: receipt.tree, outputDigest: receipt.outputDigest } : null,
      };
    }),
  );
  return { verifyJob: verified.job.number, gates };
}

/** What a gate says at its end tells most; a run again is the one that counts. */
async function endOfOutput(plane: ControlPlane, { job, artifacts }: JobDetail, { gate, outputDigest }: Receipt): Promise<string> {
  const own = artifacts.filter(({ name }) => name.startsWith(`gate-${gate}-`));
  const artifact = own.find(({ sha256 }) => sha256 === outputDigest) ?? own.at(-1);
  if (!artifact) return "";
  try {
    const bytes = await plane.artifacts.read(job.id, artifact.fence, artifact.name);
    return bytes.toString("utf8").slice(-REVISION_LIMITS.excerptCharacters).toWellFormed();
  } catch (error) {
    // Its row outlives its file by a moment where artifacts are pruned.
    if (error instanceof SlipwayError && error.code === "NOT_FOUND") return "";
    throw error;
  }
}
