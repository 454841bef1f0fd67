import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";
import { SlipwayError } from "@slipway/protocol/errors";

/**
 * Takes the data folder for this integrator, or fails with DATA_FOLDER_IN_USE: two would read the same claims. The lock is a socket in Linux's
 * abstract namespace, which the kernel frees when the process dies, however it dies. Elsewhere there is no lock; fences keep a double harmless.
 */
export async function lockFolder(data: string): Promise<AsyncDisposable> {
  if (process.platform !== "linux") return { [Symbol.asyncDispose]: async () => undefined };
  const name = createHash("sha256").update(data).digest("hex").slice(0, 32);
  const server = createServer((socket) => socket.destroy());
  server.listen({ path: `\0slipway-integrator-${name}` });
  try {
    await once(server, "listening");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
    throw new SlipwayError("DATA_FOLDER_IN_USE", `Another integrator already uses the data folder ${data}.`, { dataFolder: data }, { cause: error });
  }
  server.unref();
  return { [Symbol.asyncDispose]: async () => void server.close() };
}
