import { join } from "node:path";
import type { FileDiff } from "@slipway/git/diff";
import { layOver } from "@slipway/git/lay-over";
import type { WorkerRepository } from "@slipway/git/repository";
import { addWorkspace, removeWorkspace } from "@slipway/git/workspace";
import { type Gate, gateCommand } from "@slipway/protocol/gates";
import type { RepositoryConfig } from "@slipway/protocol/repository-config";
import { newId } from "@slipway/protocol/scalars";
import type { AttemptContext, SidePlace } from "../attempt/context.ts";
import { changedTests } from "../checks/changed-tests.ts";
import { type Finding, shownPath } from "../checks/finding.ts";
import { judgeProof, type ProofRun } from "../checks/judge-proof.ts";
import { readRun } from "../gate-output/read-run.ts";
import type { Sandbox } from "../sandbox/sandbox.ts";
import { storeArtifact, wholeOutput } from "./artifact.ts";
import { runLogged } from "./command.ts";
import type { Deadline } from "./deadline.ts";
import { inGateOrder } from "./gate-order.ts";
import { GATE_SHAPE } from "./gates.ts";
import { pathMatcher } from "./path-globs.ts";
import { WORK_BRANCH } from "./prepare.ts";
import type { ProofDemand } from "./proof-demand.ts";
import { proofGates, withNeeds } from "./proof-gates.ts";
import { runSetupCommands } from "./setup-commands.ts";
import { setupKeys } from "./setup-key.ts";

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

/** A clean checkout with the setup's work in it, in a place of its own; the gates run there as they do in a verify job. */
async function runOnBase(context: AttemptContext, request: ProofRequest, laidOid: string, gates: readonly Gate[]): Promise<ProofRun[]> {
  const { repository, config, deadline } = request;
  await using side = await context.sidePlace();
  try {
    const isReady = await checkOut(context, request, side, laidOid);
    await using sandbox = await startSandbox(context, repository, side);
    if (!isReady) await runSetupCommands(context, sandbox, config, deadline);
    return await runGates(context, sandbox, request, gates);
  } finally {
    await removeWorkspace(repository, side.place.workspace);
  }
}

/** Whether what the setup makes is there already. */
async function checkOut(context: AttemptContext, { repository, config }: ProofRequest, { place, shared, provider }: SidePlace, oid: string): Promise<boolean> {
  const { setup } = config;
  const isShared = setup.commands.length > 0 && setup.outputs.length > 0 && context.provider.kind !== "none";
  // By the base: the tests over it are no inputs of a setup.
  const keys = isShared ? await setupKeys(context, repository, { oid: context.claim.job.baseOid, from: "upstream" }, config) : undefined;
  const layer = keys && context.setupLayers.find([...(keys.shared === undefined ? [] : [keys.shared]), keys.tree]);
  const { workspace } = place;
  const options = { workspace, baseOid: oid, withJobObjects: true, branchName: WORK_BRANCH, shared, setup: layer, signal: context.signal };
  await addWorkspace(repository, options);
  if (shared?.kind !== "overlay") await provider.giveTo?.(workspace);
  return setup.commands.length === 0 || layer !== undefined;
}

async function startSandbox(context: AttemptContext, repository: WorkerRepository, { place, provider }: SidePlace): Promise<Sandbox> {
  const { workspace, home, spool, control } = place;
  const readOnly = [...context.toolchains, ...repository.upstreamObjects];
  return await provider.start({ id: newId(), workspace, home, spool, control, readOnly, runner: false }, context.signal);
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
