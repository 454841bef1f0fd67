import { SlipwayError } from "@slipway/protocol/errors";
import type { AttemptContext } from "../attempt/context.ts";
import type { Sandbox } from "../sandbox/sandbox.ts";
import { changedInWorkspace, treeOfWorkspace } from "./changed-paths.ts";
import { expectCommit } from "./commit.ts";
import { failuresText } from "./failures-text.ts";
import { judgeReds, type Verdict } from "./gate-verdicts.ts";
import { GATE_SHAPE, type GateResult, runGates } from "./gates.ts";
import { inPhase } from "./phase.ts";
import { serversOf, type Task } from "./task.ts";
import { runTurn } from "./turn.ts";

/** From a turn's begin, in ms. */
const START_AHEAD_AFTER_MS = 1_000;

/** The first turn does the task, further ones mend what the gates reject. GATES_FAILED where the same failure comes twice in a row, a repair changes nothing, or too many fail. */
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
  let isUnchanged = false;
  for (let round = first.turn - 1; ; round += 1) {
    const results = await runGates(context, sandbox, config, round, deadline);
    const { billed, hindering } = await redGates(context, sandbox, task, results, round);
    const asked = [...billed, ...hindering];
    const before = task.progress.failure;
    task.progress = { ...task.progress, round };
    if (asked.length === 0) return;
    // Whatever the repair did to the files: the same failures say that it was not what the gates are about.
    const failure = asked.map((gate) => gate.failureDigest).join(" ");
    const why = whyNoRepair(task, { round, isSame: failure === before, isUnchanged });
    if (why !== undefined) {
      // The agent has no blame in what was red before: that nothing lands on it is for the landing to say.
      if (billed.length === 0) return;
      throw gatesFailed(context, billed, round, why);
    }
    task.progress = { round, failure };
    const { text, used } = task.prompts.fill("repair", { failures: failuresText(asked.map((gate) => ({ ...gate, output: gate.excerpt }))) });
    const tree = async (when: string): Promise<string | null> => await context.journal.step(`tree-${when}-${round}`, () => treeOfWorkspace(context, sandbox));
    const treeBefore = await tree("before");
    await turnWithNext(context, sandbox, task, { turn: round + 2, reason: "repair", prompt: text, templates: [used], ...given });
    isUnchanged = treeBefore !== null && (await tree("after")) === treeBefore;
  }
}

function whyNoRepair(
  { config, deadline }: Task,
  { round, isSame, isUnchanged }: { readonly round: number; readonly isSame: boolean; readonly isUnchanged: boolean },
): string | undefined {
  if (round >= config.repairs) return triedText(config.repairs);
  if (isSame) return "the repair left the very same failure";
  // Another failure of the same files is none that a further turn is likely to mend.
  if (isUnchanged) return "the repair changed nothing";
  return deadline.hasTimeForTurn() ? undefined : "there is no time left for a repair";
}

/** A red gate, and what the agent is to know of it. */
type RedGate = GateResult & Pick<Verdict, "base"> & { readonly note: string };

/** `billed`: those that the agent has to answer for. `hindering`: those that were red before, where nothing lands on them; the job's task may be to mend them. */
interface RedGates {
  readonly billed: readonly RedGate[];
  readonly hindering: readonly RedGate[];
}

const HINDERING_NOTE = "it was red before this job, by the same failure, and nothing lands while it is: mend it if the task is about it, and else leave it";

async function redGates(context: AttemptContext, sandbox: Sandbox, task: Task, results: readonly GateResult[], round: number): Promise<RedGates> {
  const { repository, config, deadline, seenFailures } = task;
  const base = { repository, source: { oid: context.claim.job.baseOid, from: "upstream" }, config, deadline } as const;
  const mends = context.claim.job.taskKind === "fix";
  const judging = { base, round, changed: () => changedInWorkspace(context, sandbox), seen: seenFailures, mends };
  const judge = (): Promise<Verdict[]> => judgeReds(context, sandbox, judging, results);
  const isGreen = results.every(({ passed }) => passed);
  const verdicts = isGreen ? await judge() : await inPhase(context, "baseline", `verdicts-${round}:phase`, judge, { detailOf: describe });
  const withVerdict = (wanted: Verdict["verdict"]): RedGate[] =>
    results.flatMap((result) => {
      const found = verdicts.find(({ name, verdict }) => name === result.name && verdict === wanted);
      return found ? [{ ...result, base: found.base, note: wanted === "before" ? HINDERING_NOTE : found.detail }] : [];
    });
  return { billed: withVerdict("new"), hindering: config.baseline === "require" ? withVerdict("before") : [] };
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

function gatesFailed({ claim }: AttemptContext, failed: readonly RedGate[], repairs: number, why: string): SlipwayError {
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
