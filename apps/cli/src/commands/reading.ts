import { type Connection, connect, disconnect } from "../connection.ts";
import { parseJob } from "../terminal/parse.ts";
import type { CommonOptions } from "./options.ts";

/** Runs a command that only reads (or records a wish): on the server that runs, else on one that is started for it, without a worker. */
export async function withReader<T>(options: CommonOptions, use: (connection: Connection) => Promise<T>): Promise<T> {
  const connection = await connect({ data: options.data, start: ["server"] });
  try {
    return await use(connection);
  } finally {
    // Nothing can be at work on a server without a worker.
    await disconnect(connection, "now");
  }
}

/** For commander: what names a job. */
export const JOB_ARGUMENT = ["<job>", "number or id of the job", parseJob] as const;
