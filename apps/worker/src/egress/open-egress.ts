import { chown, rm } from "node:fs/promises";
import type { EgressPhase } from "@slipway/protocol/egress";
import type { AttemptContext } from "../attempt/context.ts";
import type { Egress, Sockets } from "../sandbox/sandbox.ts";
import { type EgressDecision, EgressProxy, type EgressTotals } from "./egress-proxy.ts";
import { upstreamProxyFor } from "./upstream-proxy.ts";

/** A way out of one attempt's sandbox, with its events. */
export interface AttemptEgress extends Egress {
  /** The same where an earlier worker process may have left its socket at the path. */
  listenAnew(socketPath: string, owner: Sockets["owner"]): Promise<AsyncDisposable>;
  /** Tells what came of each host; once the command or the turn is over. */
  tellTotals(): Promise<void>;
  /** What was asked for and refused, as HOST:PORT, each once. */
  refused(): string[];
}

/** A proxy for the hosts of one phase; every decision is an event of the job, the first of its kind at once and all of them counted at the end. */
export function openEgress(
  context: Pick<AttemptContext, "events" | "log" | "egressPrivateHosts">,
  phase: EgressPhase,
  hosts: readonly string[],
): AttemptEgress {
  const proxies: EgressProxy[] = [];
  const telling: Promise<void>[] = [];
  const totals = (): EgressTotals[] => proxies.flatMap((proxy) => proxy.totals());
  const tell = async (status: "first" | "total", { host, port, allowed, reason, ...counts }: EgressTotals): Promise<void> => {
    const data = { phase, host, port, allowed, ...(reason === undefined ? {} : { reason }), status, ...counts };
    await context.events.emit({ kind: "egress", data });
  };
  const onDecision = (decision: EgressDecision): void => {
    context.log.info({ phase, ...decision }, "egress");
    telling.push(tell("first", { ...decision, connections: 1, sentBytes: 0, receivedBytes: 0 }));
    // Whoever waits for the totals hears of a failure.
    telling.at(-1)?.catch(() => undefined);
  };
  const listen = async (socketPath: string): Promise<EgressProxy> => {
    const lists = { allow: hosts, allowPrivate: context.egressPrivateHosts, listName: `egress.${phase} of .slipway.yaml` };
    const options = { ...lists, upstreamFor: (host: string) => upstreamProxyFor(host, process.env), onDecision };
    const proxy = await EgressProxy.listen(socketPath, options);
    proxies.push(proxy);
    return proxy;
  };
  return {
    listen,
    async listenAnew(socketPath, owner) {
      await rm(socketPath, { force: true });
      const proxy = await listen(socketPath);
      if (owner) await chown(socketPath, owner.uid, owner.gid);
      return proxy;
    },
    async tellTotals() {
      await Promise.all(telling);
      for (const total of totals()) await tell("total", total);
    },
    refused: () => [
      ...new Set(
        totals()
          .filter(({ allowed }) => !allowed)
          .map(({ host, port }) => `${host}:${port}`),
      ),
    ],
  };
}
