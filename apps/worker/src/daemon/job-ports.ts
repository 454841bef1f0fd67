import { once } from "node:events";
import { createServer, type Server } from "node:net";
import { SlipwayError } from "@slipway/protocol/errors";
import type { PortRange } from "@slipway/protocol/port-range";
import type { SandboxKind } from "@slipway/protocol/sandbox-kind";

/** How many ports a turn has, and how many the commands of its attempt. */
export const PORTS_EACH = 10;
/** Those of the turn, those of the commands, and the guard. */
const BLOCK = 2 * PORTS_EACH + 1;
const LOOPBACK = ["127.0.0.1", "::1"];

/** The ports of one attempt. An agent may leave a server running, so that setup and gates have others than its turns. */
export interface JobPorts extends Disposable {
  /** First of `PORTS_EACH` for the agent's turns. */
  readonly turnBase: number;
  /** First of `PORTS_EACH` for setup commands and gates. */
  readonly commandBase: number;
}

export interface JobPortsOptions {
  readonly range: PortRange;
  /** How many attempts there may be at once. */
  readonly slots: number;
  /** Where in the range the search begins: another place for each worker, so that they seldom meet. */
  readonly seed: number;
  /**
   * `none`: all that a job runs has the host's network. `bwrap`: its setup commands may have it, which seldom listen; the block is not looked through.
   * `docker`: nothing has it, and all jobs have the same ports.
   */
  readonly kind: SandboxKind;
}

/**
 * Blocks of ports, one an attempt. A block is taken by listening on its last port, the guard, for as long as the attempt lives: so workers keep out of each
 * other's way wherever their data folders are, exactly as far as their ports can meet, and nothing is left of a killed one. A block in which somebody
 * else listens is passed over.
 */
export class JobPortRanges {
  readonly #options: JobPortsOptions;
  readonly #blocks: number;
  readonly #kept = new Map<number, JobPorts>();
  #next: number;

  /** INVALID_CONFIG where the range is too small for the slots. */
  constructor(options: JobPortsOptions) {
    const { range, slots, seed, kind } = options;
    this.#options = options;
    this.#blocks = Math.floor((range.last - range.first + 1) / BLOCK);
    this.#next = this.#blocks === 0 ? 0 : seed % this.#blocks;
    if (this.#blocks >= (kind === "docker" ? 1 : slots)) return;
    const text = `${range.first}-${range.last}`;
    throw new SlipwayError("INVALID_CONFIG", `worker.ports is ${text}: room for ${this.#blocks} jobs at once, and the worker has ${slots} slots.`, {
      field: "worker.ports",
      value: text,
      expected: `at least ${slots * BLOCK} ports`,
      hint: `Give it at least ${slots * BLOCK} ports (${BLOCK} a slot), or the worker fewer slots.`,
    });
  }

  /** A block that nobody uses. SANDBOX_UNAVAILABLE where there is none. */
  async take(): Promise<JobPorts> {
    const { kind, range } = this.#options;
    if (kind === "docker") return portsAt(range.first, undefined);
    for (let tries = 0; tries < this.#blocks; tries += 1) {
      const first = range.first + this.#next * BLOCK;
      this.#next = (this.#next + 1) % this.#blocks;
      const guard = await listen("127.0.0.1", guardOf(first));
      if (guard === "in use") continue;
      if (kind === "bwrap" || (await isFree(first))) return portsAt(first, guard);
      guard?.close();
    }
    const text = `${range.first}-${range.last}`;
    throw new SlipwayError("SANDBOX_UNAVAILABLE", `In each block of ${BLOCK} ports of ${text} somebody listens: there is none for the job.`, {
      field: "worker.ports",
      value: text,
      hint: "Set `worker.ports` to a range that is free on this machine, or to a larger one.",
    });
  }

  /** Takes the blocks of attempts that go on before anything new is claimed. */
  async keep(turnBases: readonly number[]): Promise<void> {
    for (const turnBase of turnBases) this.#kept.set(turnBase, await this.takeAgain(turnBase));
  }

  /** The block that an attempt had under an earlier worker process; its agent may use it at this moment. */
  async takeAgain(turnBase: number): Promise<JobPorts> {
    const kept = this.#kept.get(turnBase);
    this.#kept.delete(turnBase);
    if (kept) return kept;
    if (this.#options.kind === "docker") return portsAt(turnBase, undefined);
    const guard = await listen("127.0.0.1", guardOf(turnBase));
    // Another worker took the guard while this one was dead: it will find out which ports are in use, and the attempt keeps what its agent knows.
    return portsAt(turnBase, guard === "in use" ? undefined : guard);
  }
}

function portsAt(first: number, guard: Server | undefined): JobPorts {
  return { turnBase: first, commandBase: first + PORTS_EACH, [Symbol.dispose]: () => void guard?.close() };
}

function guardOf(first: number): number {
  return first + BLOCK - 1;
}

async function isFree(first: number): Promise<boolean> {
  const ports = Array.from({ length: BLOCK - 1 }, (_, index) => first + index);
  const servers = await Promise.all(ports.flatMap((port) => LOOPBACK.map((host) => listen(host, port))));
  for (const server of servers) if (server !== "in use") server?.close();
  return !servers.includes("in use");
}

/** Undefined where this machine has no such address. */
async function listen(host: string, port: number): Promise<Server | "in use" | undefined> {
  const server = createServer((socket) => socket.destroy());
  server.unref();
  server.listen({ host, port, exclusive: true });
  try {
    await once(server, "listening");
    return server;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EADDRINUSE" || code === "EACCES") return "in use";
    if (code === "EADDRNOTAVAIL" || code === "EAFNOSUPPORT") return undefined;
    throw error;
  }
}
