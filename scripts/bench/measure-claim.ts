import { setTimeout as sleep } from "node:timers/promises";
import { BenchStack } from "./bench-stack.ts";
import { EMPTY_SCRIPT, FakeWorker } from "./fake-worker.ts";
import { type Figure, figure } from "./figures.ts";

/** Time for a claim request to be held by the server before the job comes. */
const SETTLE_MS = 8;
const WARM_UP = 20;

/** From the moment the submit request is sent to the moment the waiting worker has its claim, over HTTP. */
export async function measureClaim(quick: boolean): Promise<Figure[]> {
  await using stack = await BenchStack.start();
  const { repository, oid } = await stack.repository(1);
  const worker = new FakeWorker(stack.client("worker"));
  await worker.register();
  const values: number[] = [];
  const rounds = WARM_UP + (quick ? 50 : 300);
  for (let round = 0; round < rounds; round += 1) {
    const claiming = worker.claim(30_000);
    await sleep(SETTLE_MS);
    const start = performance.now();
    const submitted = stack.submit({ repo: repository.id, task: "bench", base: oid, backendConfig: EMPTY_SCRIPT });
    const claim = await claiming;
    if (round >= WARM_UP) values.push(performance.now() - start);
    await submitted;
    if (claim) await worker.finish(claim);
  }
  return [
    figure("enqueue → claim over HTTP, idle worker", "ms", values, { of: "median", limit: 5, side: "below" }),
    figure("the same, p99", "ms", values, { of: "p99", limit: 25, side: "below" }),
  ];
}
