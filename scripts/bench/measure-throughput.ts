import { BenchStack } from "./bench-stack.ts";
import { EMPTY_SCRIPT, FakeWorker } from "./fake-worker.ts";
import { type Figure, figure } from "./figures.ts";

const CLIENTS = 32;
const ROUNDS = 3;

/** Jobs that were claimed and finished, each durable, through HTTP by clients side by side. The clients share the machine with the server. */
export async function measureThroughput(quick: boolean): Promise<Figure[]> {
  await using stack = await BenchStack.start();
  const { repository, oid } = await stack.repository(1);
  using client = stack.leanClient("worker", CLIENTS);
  const worker = new FakeWorker(client);
  await worker.register();
  const jobs = quick ? 400 : 1_500;
  const rates: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    await inParallel(CLIENTS, jobs, async () => void (await stack.submit({ repo: repository.id, task: "bench", base: oid, backendConfig: EMPTY_SCRIPT })));
    const start = performance.now();
    await inParallel(CLIENTS, jobs, async () => {
      const claim = await worker.claim(5_000);
      if (!claim) throw new Error("the queue was empty before all jobs were claimed");
      await worker.finish(claim);
    });
    rates.push(jobs / ((performance.now() - start) / 1_000));
  }
  return [figure("durable claim + finish through HTTP", "jobs/s", rates, { of: "median", limit: 500, side: "above" }, `${CLIENTS} clients side by side`)];
}

async function inParallel(clients: number, total: number, work: () => Promise<void>): Promise<void> {
  let left = total;
  const loop = async (): Promise<void> => {
    while (left-- > 0) await work();
  };
  await Promise.all(Array.from({ length: clients }, loop));
}
