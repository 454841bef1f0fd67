import { once } from "node:events";
import { Pruner } from "@slipway/server/prune/pruner";
import { startServer } from "@slipway/server/server";
import pino from "pino";

/** A server that runs one round of pruning, with nothing kept, and asks its parent before each step; the parent kills it or lets it go on. */
const log = pino({ level: "silent" });
const abandoned = (): never => process.exit(1);
process.once("disconnect", abandoned);
await using server = await startServer({ data: process.argv[2] ?? "", host: "127.0.0.1", port: 0, allowRemote: false, allowedOrigins: [], log });

/** The same object, with a question before each of its asynchronous calls. */
function asking<T extends object>(object: T): T {
  return new Proxy(object, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key, target);
      if (typeof value !== "function") return value;
      return async (...args: unknown[]) => {
        process.send?.(String(key));
        await once(process, "message");
        return await value.apply(target, args);
      };
    },
  });
}

const { store, artifacts } = server.plane;
await new Pruner({ ...server.plane, store: asking(store), artifacts: asking(artifacts) }, { retentionMs: 1 }).runOnce();
process.off("disconnect", abandoned);
process.disconnect();
