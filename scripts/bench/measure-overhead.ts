import type { JobEvent } from "@slipway/protocol/events";
import { OTHER, splitUp, type Timing } from "./attempt-parts.ts";
import { BenchStack } from "./bench-stack.ts";
import { type Figure, figure } from "./figures.ts";

const FILES = 100;
/** The parts are means over so many rounds in the middle, so that they add up and one slow round does not show in them. */
const MIDDLE_ROUNDS = 5;

/** What Slipway itself adds to a job on a 100-file repository, from claim to finish. */
export async function measureOverhead(quick: boolean): Promise<Figure[]> {
  await using stack = await BenchStack.start(["worker", "integrator"]);
  const { repository, oid } = await stack.repository(FILES);
  const timings: Timing[] = [];
  for (let round = 0; round <= (quick ? 5 : 20); round += 1) {
    const script = { turns: [[{ write: { path: "src/new.txt", content: `round ${round}\n` } }]] };
    const job = await stack.submit({ repo: repository.id, task: `bench ${round}`, base: oid, lane: "interactive", backendConfig: { script } });
    timings.push(await timingOf(stack, job.id));
  }
  const [cold, ...warm] = timings;
  if (!cold) return [];
  return [
    figure(
      `own overhead of a job, ${FILES} files, warm`,
      "ms",
      warm.map(({ ownMs }) => ownMs),
      { of: "median", limit: 300, side: "below" },
      "claim → finish, less the agent's turn and the gates' commands",
    ),
    figure("the same, the first job of a repository", "ms", [cold.ownMs]),
    ...partFigures(warm),
  ];
}

/** The parts of the rounds in the middle, and their sum. */
function partFigures(timings: readonly Timing[]): Figure[] {
  const sorted = timings.toSorted((a, b) => a.ownMs - b.ownMs);
  const from = Math.max(0, Math.floor((sorted.length - MIDDLE_ROUNDS) / 2));
  const middle = sorted.slice(from, from + MIDDLE_ROUNDS);
  const mean = (msOf: (timing: Timing) => number): number => middle.reduce((sum, timing) => sum + msOf(timing), 0) / middle.length;
  const names = [...new Set(middle.flatMap(({ parts }) => [...parts.keys()]))].sort((a, b) => Number(a === OTHER) - Number(b === OTHER));
  const note = `mean of the ${middle.length} rounds in the middle; the parts below add up to it`;
  return [
    { ...figure("  its parts together", "ms", [mean(({ ownMs }) => ownMs)], undefined, note), count: middle.length },
    ...names.map((name) => ({ ...figure(`    ${name}`, "ms", [mean(({ parts }) => parts.get(name) ?? 0)]), count: middle.length })),
  ];
}

async function timingOf(stack: BenchStack, id: string): Promise<Timing> {
  const client = stack.client();
  const events: JobEvent[] = [];
  for await (const frame of client.follow(id)) if (frame.type === "event") events.push(frame.event);
  const { job, attempts } = await client.call("getJob", { params: { job: id } });
  const [attempt] = attempts;
  if (job.state !== "done" || !attempt?.endedAt) throw new Error(`a job of the bench is ${job.state} ${job.failure?.code ?? ""} ${job.failure?.message ?? ""}`);
  const { startedAt, endedAt, fence } = attempt;
  return splitUp(
    events.filter((event) => event.fence === fence),
    { startedAt, endedAt },
  );
}
