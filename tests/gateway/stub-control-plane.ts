import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type CassetteCall, type CassetteMode, cassetteCallSchema } from "@slipway/protocol/cassette";
import { SlipwayError, toSlipwayError } from "@slipway/protocol/errors";
import {
  type ReserveAhead,
  type ReserveCall,
  registerGatewaySchema,
  reserveCallSchema,
  type SettleCall,
  settleCallSchema,
} from "@slipway/protocol/gateway-api";
import { newId } from "@slipway/protocol/scalars";

export const GATEWAY_TOKEN = "slipway_gateway_token";
/** Tokens of attempts that the stub knows. */
export const ATTEMPT_TOKEN = "slipmodel_attempt";
export const OTHER_TOKEN = "slipmodel_other";
const ATTEMPTS = [ATTEMPT_TOKEN, OTHER_TOKEN];

/** A call as the server would keep it. */
export interface StubCall {
  readonly reserved: ReserveCall;
  state: "open" | "settled" | "charged";
  settled: SettleCall | undefined;
  /** How often a settlement of it came. */
  settlements: number;
  /** It began on a reservation ahead. */
  readonly onAhead: boolean;
}

/** A reservation ahead as the server would keep it. */
interface StubAhead extends ReserveAhead {
  readonly by: ReserveCall;
}

/** The gateway's side of the API in memory, held to the real schemas; its state outlives `kill` and `listen`, as a database would. */
export class StubControlPlane implements AsyncDisposable {
  readonly calls = new Map<string, StubCall>();
  /** Reservations ahead that no call is known to have begun on. */
  readonly aheads = new Map<string, StubAhead>();
  /** How long a reservation ahead is good for, in ms; null where none is had. */
  aheadForMs: number | null = 10_000;
  readonly registrations: Array<{ gatewayId: string; epoch: string; pending: number }> = [];
  /** Settlements of calls that were never reserved. */
  readonly strangers: string[] = [];
  /** Tokens of an attempt that may be spent. */
  budgetTokens = Number.POSITIVE_INFINITY;
  /** What is refused for the day's budget; null where that has room. */
  dayRefusal: { waiting: boolean; retryAfterMs?: number } | null = null;
  /** What is done with calls besides; null where nothing is. */
  cassette: CassetteMode["mode"] | null = null;
  /** Calls that were told for the cassette; what a replay is answered from, where that is not replaced. */
  recorded: CassetteCall[] = [];
  /** What the answer to a recording waits for. */
  beforeRecorded: Promise<void> = Promise.resolve();
  /** Called for each request before it takes effect: may throw what is answered, or wait. */
  onRequest: (what: "register" | "reserve" | "settle", request: IncomingMessage, response: ServerResponse) => void | Promise<void> = () => {};
  /** Called when a request has taken effect, before it is answered; may destroy the answer. */
  onEffect: (what: "register" | "reserve" | "settle", response: ServerResponse) => void | Promise<void> = () => {};
  readonly #watchers = new Set<() => void>();
  #server: Server | undefined;
  #port = 0;

  static async start(): Promise<StubControlPlane> {
    const stub = new StubControlPlane();
    await stub.listen();
    return stub;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  async listen(): Promise<void> {
    const server = createServer((request, response) => void this.#handle(request, response));
    await new Promise<void>((resolve) => server.listen(this.#port, "127.0.0.1", resolve));
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  /** Dies like a killed process: every connection is cut. */
  async kill(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (!server) return;
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }

  /** Back to the start, between tests. */
  reset(): void {
    this.calls.clear();
    this.aheads.clear();
    this.aheadForMs = 10_000;
    this.strangers.length = 0;
    this.budgetTokens = Number.POSITIVE_INFINITY;
    this.dayRefusal = null;
    this.cassette = null;
    this.recorded = [];
    this.beforeRecorded = Promise.resolve();
    this.onRequest = () => {};
    this.onEffect = () => {};
  }

  /** The only call so far. */
  get call(): StubCall {
    const [call, ...others] = this.calls.values();
    if (!call || others.length > 0) throw new Error(`expected one call, found ${this.calls.size}`);
    return call;
  }

  /** The settlement of the only call, as soon as it is there. */
  async settlement(): Promise<SettleCall> {
    await this.until(() => this.calls.size > 0 && this.call.settled !== undefined);
    return this.call.settled as SettleCall;
  }

  /** Resolves as soon as something that the gateway did makes the condition true. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      await new Promise<void>((resolve) => {
        const watcher = (): void => {
          this.#watchers.delete(watcher);
          resolve();
        };
        this.#watchers.add(watcher);
      });
    }
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      let text = "";
      for await (const chunk of request) text += String(chunk);
      const [, what, callId, part] = /^\/v1\/(gateways|model-calls)(?:\/([^/]+)\/(settle|recording|cassette))?$/.exec(request.url ?? "") ?? [];
      if (request.headers.authorization !== `Bearer ${GATEWAY_TOKEN}`) throw new SlipwayError("UNAUTHENTICATED");
      if (part === "recording" || part === "cassette") {
        const answer = part === "recording" ? this.#record(JSON.parse(text)) : this.#replayed(callId ?? "");
        this.#changed();
        if (part === "recording") await this.beforeRecorded;
        response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(answer));
        return this.#changed();
      }
      const kind = what === "gateways" ? "register" : callId ? "settle" : "reserve";
      await this.onRequest(kind, request, response);
      if (response.destroyed) return this.#changed();
      const body: unknown = JSON.parse(text);
      const answer = kind === "register" ? this.#register(body) : kind === "settle" ? this.#settle(callId ?? "", body) : this.#reserve(body);
      await this.onEffect(kind, response);
      if (!response.destroyed) response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(answer));
    } catch (error) {
      const refusal = toSlipwayError(error);
      if (!response.destroyed) response.writeHead(refusal.status, { "content-type": "application/json" }).end(JSON.stringify(refusal));
    }
    this.#changed();
  }

  #changed(): void {
    for (const watcher of this.#watchers) watcher();
  }

  #register(body: unknown): object {
    const { gatewayId, epoch } = registerGatewaySchema.parse(body);
    const open = [...this.calls.values()].filter((call) => call.state === "open" && call.reserved.gatewayId === gatewayId && call.reserved.epoch !== epoch);
    for (const call of open) call.state = "charged";
    for (const [id, { by }] of this.aheads) if (by.gatewayId === gatewayId && by.epoch !== epoch) this.aheads.delete(id);
    this.registrations.push({ gatewayId, epoch, pending: open.length });
    return { charged: open.length };
  }

  #reserve(body: unknown): object {
    const reserved = reserveCallSchema.parse(body);
    if (!ATTEMPTS.includes(reserved.token)) throw new SlipwayError("UNAUTHENTICATED", "No attempt has this model token.", { field: "token" });
    const answer = { jobId: newId(), number: 1, fence: 1 };
    const known = this.calls.get(reserved.callId);
    if (known && known.state !== "open") throw new SlipwayError("CONFLICT");
    if (!known) {
      const ahead = this.aheads.get(reserved.callId);
      this.aheads.delete(reserved.callId);
      if (!ahead || tokensOf(ahead) < tokensOf(reserved)) this.#judge(reserved, tokensOf(reserved));
      this.calls.set(reserved.callId, { reserved, state: "open", settled: undefined, settlements: 0, onAhead: ahead !== undefined });
    }
    const calls = [...this.calls.values()].filter((call) => call.state !== "open" && call.reserved.token === reserved.token).length;
    const cassette = this.cassette === null ? {} : { cassette: { mode: this.cassette, calls } };
    return { ...answer, ...cassette, ...(this.cassette !== "replay" && this.#reserveAhead(reserved) ? { aheadForMs: this.aheadForMs } : {}) };
  }

  #record(body: unknown): object {
    this.recorded.push(cassetteCallSchema.parse(body));
    return {};
  }

  #replayed(callId: string): object {
    if (!this.calls.has(callId) || this.recorded.length === 0) throw new SlipwayError("NOT_FOUND", "There is no cassette.");
    return { from: { jobId: newId(), number: 7, fence: 1 }, calls: this.recorded };
  }

  #judge({ token }: ReserveCall, wanted: number): void {
    if (this.dayRefusal) throw new SlipwayError("DAY_BUDGET_EXCEEDED", "The day has no room for the next call.", this.dayRefusal);
    const mine = [...this.calls.values()].filter((call) => call.reserved.token === token);
    const ahead = [...this.aheads.values()].filter(({ by }) => by.token === token).reduce((sum, each) => sum + tokensOf(each), 0);
    const spent = mine.filter((call) => call.state !== "open").reduce((sum, call) => sum + spentBy(call), 0);
    const held = ahead + mine.filter((call) => call.state === "open").reduce((sum, call) => sum + spentBy(call), 0);
    if (spent + held + wanted > this.budgetTokens) {
      throw new SlipwayError("BUDGET_EXCEEDED", "The budget has no room for the next call.", { waiting: spent + wanted <= this.budgetTokens });
    }
  }

  #reserveAhead(by: ReserveCall): boolean {
    const { ahead } = by;
    if (!ahead || this.aheadForMs === null) return false;
    try {
      this.#judge(by, 4 * tokensOf(ahead));
    } catch {
      return false;
    }
    this.aheads.set(ahead.callId, { ...ahead, by });
    return true;
  }

  #settle(callId: string, body: unknown): object {
    const settled = settleCallSchema.parse(body);
    const ahead = this.aheads.get(callId);
    if (ahead) this.aheads.delete(callId);
    if (settled.outcome === "unused") return {};
    if (ahead) this.calls.set(callId, { reserved: { ...ahead.by, ...ahead }, state: "open", settled: undefined, settlements: 0, onAhead: true });
    const call = this.calls.get(callId);
    if (!call || callId !== settled.callId) {
      this.strangers.push(callId);
      throw new SlipwayError("NOT_FOUND", `There is no model call ${callId}.`);
    }
    call.settlements += 1;
    if (call.state === "open") {
      call.state = "settled";
      call.settled = settled;
    }
    return {};
  }
}

/** Tokens that a call takes of the budget: what it used, else what was reserved for it. */
export function spentBy({ reserved, settled }: StubCall): number {
  const usage = settled?.usage;
  return usage ? usage.inputTokens + usage.outputTokens : tokensOf(reserved);
}

function tokensOf({ inputTokens, outputTokens }: { readonly inputTokens: number; readonly outputTokens: number }): number {
  return inputTokens + outputTokens;
}
