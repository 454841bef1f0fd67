import { join } from "node:path";
import type { FileDiff } from "@slipway/git/diff";
import { layOver } from "@slipway/git/lay-over";
import type { WorkerRepository } from "@slipway/git/repository";
import { type Gate, gateCommand } from "@slipway/protocol/gates";
import type { RepositoryConfig } from "@slipway/protocol/repository-config";
import type { AttemptContext } from "../attempt/context.ts";
import { changedTests } from "../checks/changed-tests.ts";
import { type Finding, shownPath } from "../checks/finding.ts";
import { judgeProof, type ProofRun } from "../checks/judge-proof.ts";
import { readRun } from "../gate-output/read-run.ts";
import type { Sandbox } from "../sandbox/sandbox.ts";
import { storeArtifact, wholeOutput } from "./artifact.ts";
import { type CleanCheckout, inCleanCheckout } from "./clean-checkout.ts";
import { runLogged } from "./command.ts";
import type { Deadline } from "./deadline.ts";
import { inGateOrder } from "./gate-order.ts";
import { GATE_SHAPE } from "./gates.ts";
import { pathMatcher } from "./path-globs.ts";
import type { ProofDemand } from "./proof-demand.ts";
import { proofGates, withNeeds } from "./proof-gates.ts";

export interface ProofRequest {
  readonly repository: WorkerRepository;
  readonly config: Pick<RepositoryConfig, "checks" | "gates" | "setup" | "egress">;
  readonly deadline: Deadline;
  readonly take: number;
  /** The commit, and what it changes. */
  readonly oid: string;
  readonly files: readonly FileDiff[];
}

/**
 * Proves the tests of a change: laid over a clean checkout of the base, they have to fail there, as they pass with the change. It runs in a place and a
 * sandbox of its own that no agent has seen, once for a commit. SETUP_FAILED, WORKSPACE_FAILED and the like, where the place cannot be made.
 */
export async function proveTests(context: AttemptContext, request: ProofRequest, demand: ProofDemand): Promise<readonly Finding[]> {
  return await context.journal.step(`proof-${request.take}`, async () => await prove(context, request, demand));
}

async function prove(context: AttemptContext, request: ProofRequest, { testsRequired, moreThanTests }: ProofDemand): Promise<Finding[]> {
  const { repository, config, oid, files, take } = request;
  const { baseOid } = context.claim.job;
  const index = join(context.paths.work, `proof-${take}.index`);
  const laid = await layOver(repository, { baseOid, oid, isWanted: pathMatcher(config.checks.testPaths), index, signal: context.signal });
  const tests = files.filter(({ path, status }) => status !== "deleted" && laid?.paths.includes(path));
  if (!laid || tests.length === 0) {
    const message = "The change has no new or changed test, so that nothing shows that it does what it should. Add one that fails without it.";
    return [testsRequired ? { message } : { message, level: "warning" }];
  }
  const paths = tests.map(({ path }) => path);
  if (laid.isWhole) {
    const message = `All that is changed are tests (${paths.slice(0, 5).map(shownPath).join(", ")}), which pass on the base as they do on the result: they prove nothing.`;
    return [moreThanTests ? { message } : { message, level: "warning" }];
  }
  const gates = proofGates(config.gates, config.checks);
  if (gates.length === 0)
    return [{ message: "No gate is known to run the tests. Name those that do in checks.proofGates of .slipway.yaml.", level: "warning" }];
  const runs = await runOnBase(context, request, laid.oid, gates);
  return judgeProof({ runs, paths, changed: changedTests(tests) });
}

/** On a clean checkout, where the gates run as they do in a verify job. By the base's setup: the tests over it are no inputs of one. */
async function runOnBase(context: AttemptContext, request: ProofRequest, laidOid: string, gates: readonly Gate[]): Promise<ProofRun[]> {
  const { repository, config, deadline, take } = request;
  const checkout: CleanCheckout = {
    ...{ repository, config, deadline },
    source: { oid: laidOid, from: "jobs" },
    setupSource: { oid: context.claim.job.baseOid, from: "upstream" },
    setupLog: { artifact: `proof-setup-${take}.log`, stream: "proof:setup" },
  };
  return await inCleanCheckout(context, checkout, (sandbox) => runGates(context, sandbox, request, gates));
}

async function runGates(context: AttemptContext, sandbox: Sandbox, { config, deadline, take }: ProofRequest, wanted: readonly Gate[]): Promise<ProofRun[]> {
  const run = async (gate: Gate): Promise<ProofRun> => {
    const timeoutMs = deadline.gateMs(config.gates.indexOf(gate));
    const stream = `proof:${gate.name}`;
    const reach = config.egress.gates.length === 0 ? {} : { egress: { phase: "gates", hosts: config.egress.gates } as const };
    const result = await runLogged(context, sandbox, { text: gateCommand(gate), stream, ...GATE_SHAPE, ...reach, timeoutMs });
    await storeArtifact(context, `proof-${gate.name}-${take}.log`, wholeOutput(result));
    const outcome = result.timedOut ? "timed-out" : result.exitCode === 0 ? "passed" : "failed";
    return { gate: gate.name, outcome, tests: readRun(result.output, sandbox.inside.workspace) };
  };
  const { results, skipped } = await inGateOrder(withNeeds(config.gates, wanted), { run, passed: ({ outcome }) => outcome === "passed" });
  const unrun = skipped.map(({ gate }): ProofRun => ({ gate: gate.name, outcome: "unrun", tests: undefined }));
  return [...results, ...unrun].filter(({ gate }) => wanted.some(({ name }) => name === gate));
}
