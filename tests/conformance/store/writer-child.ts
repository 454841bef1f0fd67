import { newId } from "@slipway/protocol/scalars";
import { openSqliteStore } from "@slipway/server/store/sqlite/open";
import { addRepository, claimRequest, newJob } from "./fixtures.ts";

/** Writes through the store from many callers for ever, and prints a line for everything that was acknowledged; its parent kills it. */
const store = await openSqliteStore({ file: process.argv[2] ?? "" });
const repository = await addRepository(store, { maxRunning: 1_000 });

async function write(): Promise<never> {
  for (;;) {
    const { job } = await store.submitJob(newJob(repository.id, { id: newId() }));
    acknowledge({ submitted: job.id });
    const claimed = await store.claim(claimRequest());
    if (!claimed) throw new Error("there was nothing to claim");
    const { job: taken, fence } = claimed;
    acknowledge({ claimed: taken.id, fence });
    const text = `line of ${taken.id}`;
    const { ackOrdinal } = await store.appendEvents(taken.id, fence, [
      { ordinal: 1, at: 1, event: { kind: "log", data: { stream: "stdout", offset: 0, text, encoding: "utf8" } } },
    ]);
    acknowledge({ appended: taken.id, fence, ackOrdinal });
    await store.finish(taken.id, fence, { kind: "failed", failure: { code: "NO_CHANGE", message: "as planned", details: {} } });
    acknowledge({ finished: taken.id });
  }
}

function acknowledge(line: Record<string, unknown>): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

await Promise.all(Array.from({ length: 16 }, write));
