import { rm } from "node:fs/promises";
import { join } from "node:path";
import { SlipwayError } from "@slipway/protocol/errors";
import type { SteerMessage } from "../attempt/steer-inbox.ts";
import type {
  CommandResult,
  MemoryEvidence,
  ProcessEvidence,
  Sandbox,
  SandboxCommand,
  SandboxProvider,
  SandboxRecord,
  SandboxSpec,
} from "../sandbox/sandbox.ts";

import { writeJson } from "./durable-file.ts";
import type { LeaseHold } from "./leases.ts";

/**
 * A provider whose sandboxes have an owner: each is recorded on disk before it is started, and with its processes before it is handed out, has its
 * lease file kept by the owner's lease, and is ended with the owner at the latest.
 */
export class OwnedProvider implements SandboxProvider {
  readonly kind: SandboxProvider["kind"];
  readonly #provider: SandboxProvider;
  readonly #records: string;
  readonly #live = new Set<OwnedSandbox>();
  readonly #starting = new Set<Promise<unknown>>();
  /** Whose lease file is kept. */
  readonly #controls = new Set<string>();
  readonly #end = new AbortController();
  #hold: LeaseHold;

  constructor(provider: SandboxProvider, records: string, hold: LeaseHold) {
    this.kind = provider.kind;
    this.#provider = provider;
    this.#records = records;
    this.#hold = hold;
  }

  get image(): SandboxProvider["image"] {
    return this.#provider.image;
  }

  get owner(): SandboxProvider["owner"] {
    return this.#provider.owner;
  }

  get images(): SandboxProvider["images"] {
    return this.#provider.images;
  }

  async probe(): Promise<void> {
    await this.#provider.probe();
  }

  async giveTo(folder: string): Promise<void> {
    await this.#provider.giveTo?.(folder);
  }

  async start(spec: SandboxSpec, signal: AbortSignal): Promise<Sandbox> {
    const start = this.#start(spec, AbortSignal.any([signal, this.#end.signal]));
    this.#starting.add(start);
    try {
      return await start;
    } finally {
      this.#starting.delete(start);
    }
  }

  async attach(record: SandboxRecord): Promise<Sandbox | undefined> {
    await this.#keep(record.spec.control);
    const sandbox = await this.#provider.attach(record);
    return sandbox ? await this.#own(sandbox) : undefined;
  }

  async reclaim(record: SandboxRecord): Promise<void> {
    await this.#provider.reclaim(record);
    await rm(this.#recordFile(record), { force: true });
  }

  /** Hands what runs here, or is being started, over to another lease, without a moment in which no lease file is kept. */
  async moveTo(hold: LeaseHold): Promise<void> {
    const before = this.#hold;
    this.#hold = hold;
    for (const control of [...this.#controls]) {
      await before.removeControl(control);
      await hold.addControl(control);
    }
  }

  /** Ends everything that was started here; what is still starting is ended too. */
  async endAll(): Promise<void> {
    this.#end.abort(new SlipwayError("RUNNER_LOST", "The sandbox was ended."));
    await Promise.allSettled([...this.#starting]);
    const endings = await Promise.allSettled([...this.#live].map((sandbox) => sandbox.end()));
    for (const ending of endings) if (ending.status === "rejected") throw ending.reason;
  }

  async #start(spec: SandboxSpec, signal: AbortSignal): Promise<Sandbox> {
    signal.throwIfAborted();
    await this.#keep(spec.control);
    // A worker that is killed during the start must find again what it started.
    const intent: SandboxRecord = { spec, kind: this.kind, nonce: "", processes: [] };
    await writeJson(this.#recordFile(intent), intent);
    try {
      return await this.#own(await this.#provider.start(spec, signal));
    } catch (error) {
      await rm(this.#recordFile(intent), { force: true });
      throw error;
    }
  }

  async #keep(control: string): Promise<void> {
    this.#controls.add(control);
    await this.#hold.addControl(control);
  }

  async #own(sandbox: Sandbox): Promise<Sandbox> {
    const { control } = sandbox.record.spec;
    const owned = new OwnedSandbox(sandbox, async () => {
      this.#live.delete(owned);
      if (![...this.#live].some((other) => other.record.spec.control === control)) {
        this.#controls.delete(control);
        await this.#hold.removeControl(control);
      }
      await rm(this.#recordFile(sandbox.record), { force: true });
    });
    this.#live.add(owned);
    try {
      await writeJson(this.#recordFile(sandbox.record), sandbox.record);
    } catch (error) {
      await owned.end();
      throw error;
    }
    if (this.#end.signal.aborted) await owned.end();
    return owned;
  }

  #recordFile(record: SandboxRecord): string {
    return join(this.#records, `${record.spec.id}.json`);
  }
}

/** A sandbox that tells its owner when it is ended. */
class OwnedSandbox implements Sandbox {
  readonly #sandbox: Sandbox;
  readonly #onEnd: () => Promise<void>;
  #ending: Promise<void> | undefined;

  constructor(sandbox: Sandbox, onEnd: () => Promise<void>) {
    this.#sandbox = sandbox;
    this.#onEnd = onEnd;
  }

  get record(): SandboxRecord {
    return this.#sandbox.record;
  }

  get inside(): Sandbox["inside"] {
    return this.#sandbox.inside;
  }

  get sockets(): Sandbox["sockets"] {
    return this.#sandbox.sockets;
  }

  get warmedUp(): Sandbox["warmedUp"] {
    return this.#sandbox.warmedUp;
  }

  /** True from the first call of `end` on. */
  get ended(): boolean {
    return this.#ending !== undefined;
  }

  turn(...args: Parameters<Sandbox["turn"]>): ReturnType<Sandbox["turn"]> {
    return this.#sandbox.turn(...args);
  }

  run(command: SandboxCommand, signal: AbortSignal): Promise<CommandResult> {
    return this.#sandbox.run(command, signal);
  }

  steer(turnId: string, message: SteerMessage): boolean {
    return this.#sandbox.steer?.(turnId, message) ?? false;
  }

  async ping(limitMs: number): Promise<boolean> {
    return (await this.#sandbox.ping?.(limitMs)) ?? true;
  }

  expect(shape: Pick<SandboxCommand, "network" | "mounts">): void {
    this.#sandbox.expect?.(shape);
  }

  memoryEvidence(): MemoryEvidence | null {
    return this.#sandbox.memoryEvidence();
  }

  processEvidence(): ProcessEvidence | null {
    return this.#sandbox.processEvidence?.() ?? null;
  }

  async end(): Promise<void> {
    // A later call still ends one-shots, which may run after the end.
    if (this.#ending) await this.#sandbox.end();
    this.#ending ??= this.#sandbox.end().then(this.#onEnd);
    await this.#ending;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
  }
}

/** Whether a sandbox of an owned provider has been ended. */
export function isEnded(sandbox: Sandbox): boolean {
  return sandbox instanceof OwnedSandbox && sandbox.ended;
}
