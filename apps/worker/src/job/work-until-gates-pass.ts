import { SlipwayError } from "@slipway/protocol/errors";
import type { AttemptContext } from "../attempt/context.ts";
import type { Sandbox } from "../sandbox/sandbox.ts";
import { changedInWorkspace } from "./changed-paths.ts";
import { expectCommit } from "./commit.ts";
import { failuresText } from "./failures-text.ts";
import { judgeReds, type Verdict } from "./gate-verdicts.ts";
import { GATE_SHAPE, type GateResult, runGates } from "./gates.ts";
import { inPhase } from "./phase.ts";
import { serversOf, type Task } from "./task.ts";
import { runTurn } from "./turn.ts";

/** From a turn's begin, in ms. */
const START_AHEAD_AFTER_MS = 1_000;

/** The first turn does the task, further ones mend what the gates reject. GATES_FAILED where the same failure comes twice in a row, or too many do. */
export async function workUntilGatesPass(
  context: AttemptContext,
  sandbox: Sandbox,
  task: Task,
  first: Pick<Parameters<typeof runTurn>[2], "turn" | "reason" | "prompt" | "templates">,
): Promise<void> {
  const { config, deadline } = task;
  const given = {
    take: task.take,
    egress: config.egress.turn,
    mcpServers: serversOf(context, config),
    nudge: (silence: string) => task.prompts.fill("nudge", { silence }),
  };
  await turnWithNext(context, sandbox, task, { ...first, ...given });
  for (let round = first.turn - 1; ; round += 1) {
    const results = await runGates(context, sandbox, config, round, deadline);
    const failed = await billedGates(context, sandbox, task, results, round);
    task.progress = { ...task.progress, round };
    if (failed.length === 0) return;
    if (round >= config.repairs) throw gatesFailed(context, failed, round, triedText(config.repairs));
    // Whatever the repair did to the files: it was not what the gates are about.
    const failure = failed.map((gate) => gate.failureDigest).join(" ");
    if (failure === task.progress.failure) throw gatesFailed(context, failed, round, "the repair left the very same failure");
    task.progress = { round, failure };
    if (!deadline.hasTimeForTurn()) throw gatesFailed(context, failed, round, "there is no time left for a repair");
    const { text, used } = task.prompts.fill("repair", { failures: failuresText(failed.map((gate) => ({ ...gate, output: gate.excerpt }))) });
    await turnWithNext(context, sandbox, task, { turn: round + 2, reason: "repair", prompt: text, templates: [used], ...given });
  }
}

/** A red gate that the change is to blame for. */
type BilledGate = GateResult & Pick<Verdict, "base"> & { readonly note: string };

/** Of the red gates those that the agent has to answer for. */
async function billedGates(context: AttemptContext, sandbox: Sandbox, task: Task, results: readonly GateResult[], round: number): Promise<BilledGate[]> {
  const { repository, config, deadline, seenFailures } = task;
  const base = { repository, source: { oid: context.claim.job.baseOid, from: "upstream" }, config, deadline } as const;
  const mends = context.claim.job.taskKind === "fix";
  const judging = { base, round, changed: () => changedInWorkspace(context, sandbox), seen: seenFailures, mends };
  const judge = (): Promise<Verdict[]> => judgeReds(context, sandbox, judging, results);
  const isGreen = results.every(({ passed }) => passed);
  const verdicts = isGreen ? await judge() : await inPhase(context, "gates", `verdicts-${round}:phase`, judge, { detailOf: describe });
  return results.flatMap((result) => {
    const found = verdicts.find(({ name, verdict }) => name === result.name && verdict === "new");
    return found ? [{ ...result, base: found.base, note: found.detail }] : [];
  });
}

function describe(verdicts: readonly Verdict[]): string {
  const words = { new: "by this change", before: "before this job", flaky: "and green again", quarantined: "and quarantined" };
  return verdicts.map(({ name, verdict }) => `${name} is red ${words[verdict]}`).join(", ");
}

export function triedText(repairs: number): string {
  return repairs === 0 ? "no repair is allowed" : repairs === 1 ? "1 repair was tried" : `${repairs} repairs were tried`;
}

/** Runs a turn and has what the command behind it needs started meanwhile; not in its first moments, when the machine has the most to do. */
async function turnWithNext(context: AttemptContext, sandbox: Sandbox, { config, deadline }: Task, turn: Parameters<typeof runTurn>[2]): Promise<void> {
  let expecting: Promise<void> | undefined;
  const timer = setTimeout(() => {
    if (config.gates.length > 0) sandbox.expect?.(GATE_SHAPE);
    // A folder that cannot be made is met again, and told, by the commit.
    else expecting = expectCommit(context, sandbox).catch(() => undefined);
  }, START_AHEAD_AFTER_MS);
  try {
    await runTurn(context, sandbox, turn, deadline);
    await expecting;
  } finally {
    clearTimeout(timer);
  }
}

function gatesFailed({ claim }: AttemptContext, failed: readonly BilledGate[], repairs: number, why: string): SlipwayError {
  const names = failed.map((gate) => gate.name);
  const gates = failed.slice(0, 20).map((gate) => ({
    name: gate.name,
    exitCode: gate.exitCode,
    timedOut: gate.timedOut,
    base: gate.base,
    artifact: gate.artifact,
    // The failing tests are at its beginning, where they are known; else what counts is mostly at the end.
    excerpt: (gate.tests?.failing.length ? gate.excerpt.slice(0, 2_000) : gate.excerpt.slice(-2_000)).toWellFormed(),
  }));
  return new SlipwayError("GATES_FAILED", `${names.length === 1 ? "The gate" : "The gates"} ${names.join(", ").slice(0, 2_000)} failed, and ${why}.`, {
    gates,
    repairs,
    reason: why,
    hint: `\`slipway show ${claim.job.number} --artifact ${failed[0]?.artifact}\` prints the gate's whole output. Then give the agent a better task.`,
  });
}
