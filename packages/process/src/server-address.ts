import { SlipwayError } from "@slipway/protocol/errors";

/** What a parent says over the IPC channel, as soon as the server listens, to a part that it started without `--url`. */
export interface ServerAddress {
  readonly type: "server";
  readonly url: string;
}

/**
 * The server's address from the parent: so a part loads its code while the server starts. INVALID_REQUEST where there is no parent that could tell,
 * WORKER_STOPPED where it goes away before it has; rejects with the signal's reason.
 */
export async function addressFromParent(signal?: AbortSignal): Promise<string> {
  if (!process.connected)
    throw new SlipwayError("INVALID_REQUEST", "--url is missing.", { hint: "Pass the server's address, such as --url http://127.0.0.1:4750." });
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const onMessage = (message: unknown): void => {
    if (isAddress(message)) resolve(message.url);
  };
  const onDisconnect = (): void => reject(new SlipwayError("WORKER_STOPPED", "The process that started this one is gone."));
  const onAbort = (): void => reject(signal?.reason);
  // What the parent said before this listener was there has been kept by Node.
  process.on("message", onMessage);
  process.once("disconnect", onDisconnect);
  signal?.addEventListener("abort", onAbort, { once: true });
  if (signal?.aborted) onAbort();
  try {
    return await promise;
  } finally {
    process.off("message", onMessage);
    process.off("disconnect", onDisconnect);
    signal?.removeEventListener("abort", onAbort);
  }
}

function isAddress(message: unknown): message is ServerAddress {
  const { type, url } = (message ?? {}) as Partial<ServerAddress>;
  return type === "server" && typeof url === "string" && URL.canParse(url);
}
