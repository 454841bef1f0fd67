import { parentPort, workerData } from "node:worker_threads";
import { type Database, type DatabaseOptions, installationIdOf, openDatabase } from "./database.ts";
import { runBatch } from "./group-commit.ts";
import { type Call, type FromThread, type ToThread, toWire } from "./messages.ts";

/** The store's thread: it owns the connection. An fsync stops this thread only, and what arrives meanwhile is the next batch. */

// A bound on how long the first call of a batch waits for the last one.
const BATCH_LIMIT_CALLS = 500;

const port = parentPort;
if (!port) throw new Error("this file runs as the store's thread only");
const tell = (message: FromThread): void => port.postMessage(message);

await start(workerData as DatabaseOptions);

async function start(options: DatabaseOptions): Promise<void> {
  try {
    const db = await openDatabase(options);
    const installationId = installationIdOf(db, options.newInstallationId);
    serve(db);
    tell({ type: "ready", installationId });
  } catch (error) {
    tell({ type: "refused", error: toWire(error) });
  }
}

function serve(db: Database): void {
  const queue: Call[] = [];
  let closing = false;
  let scheduled = false;

  // After the port's own messages, so that all that have arrived are in the queue.
  function schedule(): void {
    if (scheduled) return;
    scheduled = true;
    setImmediate(step);
  }

  function step(): void {
    scheduled = false;
    if (queue.length > 0) tell({ type: "replies", replies: runBatch(db, queue.splice(0, BATCH_LIMIT_CALLS)) });
    if (queue.length > 0) {
      schedule();
    } else if (closing) {
      db.connection.close();
      port?.close();
    }
  }

  port?.on("message", (message: ToThread) => {
    if (message.type === "calls") queue.push(...message.calls);
    else closing = true;
    schedule();
  });
}
