import { changedPaths, treeOf } from "@slipway/git/hub";
import type { WorkerRepository } from "@slipway/git/repository";
import { together } from "@slipway/git/together";
import { SlipwayError } from "@slipway/protocol/errors";
import { concernedGates, type Gate, hasPathFilter } from "@slipway/protocol/gates";
import type { Receipt, VerifySpec } from "@slipway/protocol/job";
import type { Outcome } from "@slipway/protocol/worker-api";
import type { AttemptContext } from "../attempt/context.ts";
import type { Sandbox } from "../sandbox/sandbox.ts";
import { type Deadline, monotonicMs, openDeadline } from "./deadline.ts";
import { inGateOrder } from "./gate-order.ts";
import { judgeReds } from "./gate-verdicts.ts";
import { GATE_SHAPE, type GateResult, runGate } from "./gates.ts";
import { pathMatcher } from "./path-globs.ts";
import { inPhase, type Parts } from "./phase.ts";
import { bringCommit, openRepository } from "./prepare.ts";
import { receiptOf } from "./receipt.ts";
import { prepareFiles, type SetupRequest, setUp } from "./setup.ts";
import { imageText } from "./tell-image.ts";
import { workspaceFull } from "./workspace-full.ts";

/**
 * A verify job: a clean workspace of the merged commit → setup → every gate in a fresh one-shot → receipts, red ones included. No agent takes part,
 * and what runs here runs in a sandbox and a home of the verify job's own.
 */
export async function verifyTree(context: AttemptContext, spec: VerifySpec): Promise<Outcome> {
  const startedAtMs = await context.journal.step("started", async () => context.takenUpAtMs);
  const gateTimeoutsMs = spec.config.gates.map((gate) => gate.timeoutSeconds * 1_000);
  const deadline = openDeadline({ timeoutMs: context.claim.job.timeoutMs, gateTimeoutsMs }, startedAtMs, monotonicMs);
  const prepare = (parts: Parts): Promise<SetupRequest> => prepareTree(context, spec, deadline, parts);
  const setup = await inPhase(context, "prepare", "prepare", prepare, { sinceMs: startedAtMs, detailOf: () => imageText(context) });
  await using sandbox = await context.agentSandbox([...context.toolchains, ...setup.repository.upstreamObjects], "commands");
  await setUp(context, sandbox, setup, deadline);
  const receipts = await inPhase(context, "verify", "verify", (parts) => runAll(context, sandbox, { spec, deadline, repository: setup.repository }, parts), {
    detailOf: describe,
  });
  return { kind: "verified", receipts };
}

/** The workspace, and the assurance that it is of the tree that the receipts will name. */
async function prepareTree(context: AttemptContext, spec: VerifySpec, deadline: Deadline, parts: Parts): Promise<SetupRequest> {
  parts.add("open", monotonicMs() - context.takenUpAtMs);
  const source = { oid: spec.mergedOid, from: "jobs" } as const;
  const repository = await parts.time("stores", () => openRepository(context, deadline));
  await parts.time("fetch", () => bringCommit(context, repository, source, deadline));
  const { config } = spec;
  const [tree, plan] = await together(
    context.signal,
    () => treeOf(repository.dir, spec.mergedOid),
    () => parts.time("workspace", () => prepareFiles(context, repository, source, config)),
  );
  if (tree !== spec.tree)
    throw new SlipwayError("INTERNAL", "The merged commit does not have the tree that is to be verified.", {
      mergedOid: spec.mergedOid,
      tree,
      expected: spec.tree,
    });
  return { repository, source, config, plan };
}

interface Verification {
  readonly spec: VerifySpec;
  readonly deadline: Deadline;
  readonly repository: WorkerRepository;
}

async function runAll(context: AttemptContext, sandbox: Sandbox, verification: Verification, parts: Parts): Promise<Receipt[]> {
  const { spec, deadline } = verification;
  const { egress } = spec.config;
  const gates = await gatesOfMerge(context, verification);
  let left = gates.length;
  const run = async (gate: Gate): Promise<GateResult> => {
    left -= 1;
    if (left > 0) sandbox.expect?.(GATE_SHAPE);
    const index = spec.config.gates.findIndex(({ name }) => name === gate.name);
    const result = await runGate(context, sandbox, { gate, round: 0, egress: egress.gates }, () => deadline.gateMs(index));
    parts.add("commands", result.durationMs);
    // That there was no room says nothing about the tree.
    const full = result.passed ? undefined : await workspaceFull(context, { gate: gate.name });
    if (full) throw full;
    return result;
  };
  // Whoever reads the receipts of a tree wants to know of each gate.
  const { results } = await inGateOrder(gates, { run, passed: ({ passed }) => passed, all: true });
  const judged = await lookAgain(context, sandbox, verification, results);
  return judged.map((result) => receiptOf(context, spec, result));
}

/** The gates that the change concerns, by git's objects alone. */
async function gatesOfMerge(context: AttemptContext, verification: Verification): Promise<readonly Gate[]> {
  const { spec } = verification;
  const { gates } = spec.config;
  if (spec.baseOid === undefined || !gates.some(hasPathFilter)) return gates;
  return concernedGates(gates, await pathsOfMerge(context, verification, spec.baseOid), pathMatcher);
}

async function pathsOfMerge(context: AttemptContext, { spec, repository, deadline }: Verification, baseOid: string): Promise<string[]> {
  await bringCommit(context, repository, { oid: baseOid, from: spec.baseFrom ?? "upstream" }, deadline);
  return await changedPaths(repository.dir, baseOid, spec.mergedOid);
}

/** Holds red gates against the target before the merge; one whose failure is gone when it runs again is green. */
async function lookAgain(
  context: AttemptContext,
  sandbox: Sandbox,
  verification: Verification,
  results: readonly GateResult[],
): Promise<readonly GateResult[]> {
  const { spec, repository, deadline } = verification;
  const { baseOid, config } = spec;
  if (baseOid === undefined) return results;
  const source = { oid: baseOid, from: spec.baseFrom ?? "upstream" } as const;
  if (results.some(({ passed }) => !passed)) await bringCommit(context, repository, source, deadline);
  const changed = (): Promise<string[]> => pathsOfMerge(context, verification, baseOid);
  const verdicts = await judgeReds(
    context,
    sandbox,
    { base: { repository, source, config, deadline }, round: 0, changed, seen: new Set(), insists: true },
    results,
  );
  return results.map((result) => verdicts.find(({ name, again }) => name === result.name && again !== undefined)?.again ?? result);
}

function describe(receipts: readonly Receipt[]): string {
  const red = receipts.filter((receipt) => receipt.exitCode !== 0).map((receipt) => receipt.gate);
  return red.length === 0 ? `${receipts.length} green` : `${red.length} of ${receipts.length} red: ${red.join(", ")}`;
}
