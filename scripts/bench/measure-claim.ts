import { setTimeout as sleep } from "node:timers/promises";
import { BenchStack } from "./bench-stack.ts";
import { EMPTY_SCRIPT, FakeWorker } from "./fake-worker.ts";
import { type Figure, figure } from "./figures.ts";

/** Time for a claim request to be held by the server before the job comes. */
const SETTLE_MS = 8;
const WARM_UP = 20;

/**
 * How long a waiting worker takes to have its claim, everything over HTTP and every write durable. The bar is for the way from the moment that the store
 * gives the new job as its creation, just before the commit, to the moment that the worker has read the answer: two commits, the wake-up, the answer.
 * Beside it the whole way from the moment that the submit request is sent, its checks included; the base commit is one that the server has seen before.
 */
export async function measureClaim(quick: boolean): Promise<Figure[]> {
  await using stack = await BenchStack.start();
  const { repository, oid } = await stack.repository(1);
  const worker = new FakeWorker(stack.client("worker"));
  await worker.register();
  const enqueued: number[] = [];
  const sent: number[] = [];
  const rounds = WARM_UP + (quick ? 50 : 300);
  for (let round = 0; round < rounds; round += 1) {
    const claiming = worker.claim(30_000);
    await sleep(SETTLE_MS);
    const start = performance.now();
    const submitted = stack.submit({ repo: repository.id, task: "bench", base: oid, backendConfig: EMPTY_SCRIPT });
    const claim = await claiming;
    const end = performance.now();
    const { createdAt } = await submitted;
    if (round >= WARM_UP) {
      sent.push(end - start);
      // `createdAt` is a whole number of ms, rounded down: the figure is up to 1 ms too large, never too small.
      enqueued.push(performance.timeOrigin + end - createdAt);
    }
    if (claim) await worker.finish(claim);
  }
  return [
    figure("enqueue → claim over HTTP, idle worker", "ms", enqueued, { of: "median", limit: 5, side: "below" }, "from the job's creation in the store"),
    figure("the same, p99", "ms", enqueued, { of: "p99", limit: 25, side: "below" }),
    figure("submit request sent → claim", "ms", sent, undefined, "with the submission's checks, of a base that is known"),
  ];
}
