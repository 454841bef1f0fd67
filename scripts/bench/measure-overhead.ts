import type { JobEvent } from "@slipway/protocol/events";
import { BenchStack } from "./bench-stack.ts";
import { type Figure, figure } from "./figures.ts";

const FILES = 100;

interface Timing {
  /** From claim to finish, less the agent's and the gates' own time. */
  readonly ownMs: number;
  readonly phases: ReadonlyMap<string, number>;
}

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
  const phases = [...new Set(warm.flatMap((timing) => [...timing.phases.keys()]))];
  return [
    figure(
      `own overhead of a job, ${FILES} files, warm`,
      "ms",
      warm.map(({ ownMs }) => ownMs),
      { of: "median", limit: 300, side: "below" },
    ),
    figure("the same, the first job of a repository", "ms", [cold.ownMs]),
    ...phases.map((phase) =>
      figure(
        `  ${phase}`,
        "ms",
        warm.map((timing) => timing.phases.get(phase) ?? 0),
      ),
    ),
  ];
}

async function timingOf(stack: BenchStack, id: string): Promise<Timing> {
  const client = stack.client();
  const events: JobEvent[] = [];
  for await (const frame of client.follow(id)) if (frame.type === "event") events.push(frame.event);
  const { job, attempts } = await client.call("getJob", { params: { job: id } });
  const [attempt] = attempts;
  if (job.state !== "done" || !attempt?.endedAt) throw new Error(`a job of the bench is ${job.state} ${job.failure?.code ?? ""} ${job.failure?.message ?? ""}`);
  const mine = events.filter((event) => event.fence === attempt.fence);
  const phases = new Map<string, number>();
  let others = 0;
  for (const event of mine) {
    if (event.kind === "phase" && event.data.status === "ended" && !["turn", "gates"].includes(event.data.phase))
      phases.set(event.data.phase, event.data.durationMs ?? 0);
    if (event.kind === "phase" && event.data.status === "ended" && event.data.phase === "turn") others += event.data.durationMs ?? 0;
    if (event.kind === "gate" && event.data.status !== "started") others += event.data.durationMs ?? 0;
  }
  return { ownMs: attempt.endedAt - attempt.startedAt - others, phases };
}
