import { createHash } from "node:crypto";
import { treeOf } from "@slipway/git/hub";
import { type Acceptance, redText } from "@slipway/protocol/acceptance";
import { SlipwayError } from "@slipway/protocol/errors";
import type { JobDetail, Receipt } from "@slipway/protocol/job";
import { BUILD_TYPE, PROVENANCE_TYPE, STATEMENT_TYPE, type Statement } from "@slipway/protocol/statement";
import type { ControlPlane } from "../control-plane.ts";
import { hubRoot } from "../hub/hub-folder.ts";

type ReceiptOf = Statement["predicate"]["runDetails"]["byproducts"][number];

/** The statement of a job that landed. NOT_FOUND for any other: there is no commit that it could speak for. */
export async function statementOf(plane: ControlPlane, detail: JobDetail): Promise<Statement> {
  const { job, acceptance } = detail;
  const made = await makerOf(plane, detail);
  if (job.landedOid === null || job.endedAt === null || !made)
    throw new SlipwayError("NOT_FOUND", `Job ${job.number} has landed nothing that a statement could speak for; it is ${job.state}.`, {
      job: job.id,
      state: job.state,
      expected: "a job that landed",
      hint: "`slipway jobs --state done` lists those that did.",
    });
  const { landedOid, endedAt } = job;
  const tree = await treeOf(hubRoot(plane.folder, job.repo.id), landedOid);
  // In a batch it was the tree of the last commit that was tested.
  const testedOid = detail.completion?.testedOid ?? landedOid;
  const tested = testedOid === landedOid ? tree : await treeOf(hubRoot(plane.folder, job.repo.id), testedOid);
  const receipts = receiptsOf(detail, tested, endedAt);
  const model = job.backendConfig["model"];
  const name = `${job.repo.name}@${job.target}`;
  return {
    _type: STATEMENT_TYPE,
    subject: [
      { name, digest: { gitCommit: landedOid } },
      { name, digest: { gitTree: tree } },
    ],
    predicateType: PROVENANCE_TYPE,
    predicate: {
      buildDefinition: {
        buildType: BUILD_TYPE,
        externalParameters: {
          repository: job.repo.name,
          target: job.target,
          backend: made.backend || job.backend,
          model: typeof model === "string" ? model : null,
          title: job.title,
          taskSha256: sha256(job.task),
        },
        internalParameters: {
          job: job.number,
          jobId: job.id,
          attempt: made.fence,
          ...(acceptance ? { accepted: acceptedOf(acceptance) } : {}),
          sandbox: made.sandbox,
          ...(testedOid === landedOid ? {} : { testedAs: testedOid }),
          redGates: receipts.filter(({ exitCode }) => exitCode !== 0).map(({ gate }) => gate),
        },
        resolvedDependencies: [{ name: job.repo.name, digest: { gitCommit: job.baseOid } }],
      },
      runDetails: {
        builder: { id: `urn:uuid:${plane.store.installationId}` },
        metadata: { invocationId: `${job.id}/${acceptance ? "accepted" : made.fence}`, startedOn: iso(made.startedAt), finishedOn: iso(endedAt) },
        byproducts: receipts.map(byproductOf),
      },
    },
  };
}

/** What made the change: the job's attempt, or the person who accepted what another job left; undefined where nobody here did. */
async function makerOf(
  plane: ControlPlane,
  { attempts, acceptance, completion }: JobDetail,
): Promise<{ backend: string; fence: number | null; sandbox: string; startedAt: number } | undefined> {
  const attempt = attempts.findLast(({ outcome }) => outcome === "change");
  if (attempt || !acceptance || !completion) return attempt;
  const sandbox = (await plane.store.getCompletion(completion.id))?.sandbox ?? "none";
  return { backend: "", fence: acceptance.fence, sandbox, startedAt: acceptance.at };
}

function acceptedOf({ number, jobId, by, at, reason, red }: Acceptance): Statement["predicate"]["buildDefinition"]["internalParameters"]["accepted"] {
  const named = red.map((one) => redText([one]));
  return { job: number, jobId, by: `${by.name} (${by.role})`, at: iso(at), because: reason, red: named };
}

/** Of each gate the receipts that there were when the job landed: what comes later, of an equal tree, must not change what was signed. */
function receiptsOf({ receipts }: JobDetail, tree: string, endedAt: number): StoredReceipt[] {
  return receipts.flatMap((receipt) => {
    const { job, at = 0 } = receipt;
    return receipt.tree === tree && at <= endedAt && job !== undefined ? [{ ...receipt, job }] : [];
  });
}

type StoredReceipt = Receipt & { readonly job: number };

function byproductOf(receipt: StoredReceipt): ReceiptOf {
  const { gate, tree, image, exitCode, durationMs } = receipt;
  return {
    name: `receipt:${gate}`,
    digest: { sha256: receipt.outputDigest },
    annotations: {
      ...{ gate, tree, image, exitCode, durationMs },
      commandSha256: sha256(receipt.command),
      setupSha256: receipt.setupDigest,
      environmentSha256: receipt.environmentDigest,
      at: receipt.at === undefined ? null : iso(receipt.at),
      verifyJob: receipt.job,
      reused: receipt.reused ?? false,
      flaky: receipt.flaky ?? false,
    },
  };
}

function iso(at: number): string {
  return new Date(at).toISOString();
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
