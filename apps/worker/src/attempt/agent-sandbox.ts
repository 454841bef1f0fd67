import { mkdir } from "node:fs/promises";
import { newId } from "@slipway/protocol/scalars";
import { isEnded, type OwnedProvider } from "../daemon/owned-provider.ts";
import type { Place } from "../daemon/places.ts";
import { removeOwned } from "../daemon/remove-owned.ts";
import { mountsKey } from "../daemon/warm.ts";
import type { Sandbox } from "../sandbox/sandbox.ts";
import type { SandboxNeeds } from "./context.ts";

export interface AgentSandboxOptions {
  readonly place: Place;
  /** The home that is bound: the place's own, or the job's kept one. */
  readonly home: string;
  readonly provider: OwnedProvider;
  /** Runs there already: started ahead, not used yet. */
  readonly warm: Sandbox | undefined;
  /** Ran there before the worker was restarted, and is this attempt's. */
  readonly attached: Sandbox | undefined;
  readonly signal: AbortSignal;
  /** Called when one with a runner has to be started for the job itself. */
  readonly onFresh: () => Promise<void>;
  /** Called with the mounts and the label whenever a sandbox is handed out. */
  readonly onHandedOut: (readOnly: readonly string[], label: string) => void;
}

/** The agent's sandbox of one attempt: decides between the one that is there and a fresh one over the same folders. */
export class AgentSandbox {
  readonly #options: AgentSandboxOptions;
  #unused: Sandbox | undefined;
  #current: Sandbox | undefined;
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: AgentSandboxOptions) {
    this.#options = options;
    this.#unused = options.warm;
    this.#current = options.attached;
  }

  /** See `AttemptContext.agentSandbox`. Calls at the same time give the same sandbox. */
  async get(readOnly: readonly string[], needs: SandboxNeeds = "turns"): Promise<Sandbox> {
    const before = this.#last;
    const next = before.then(
      () => this.#choose(readOnly, needs),
      () => this.#choose(readOnly, needs),
    );
    this.#last = next;
    const sandbox = await next;
    // One that came up while the attempt was being aborted is ended already.
    this.#options.signal.throwIfAborted();
    this.#options.onHandedOut(readOnly, sandbox.record.spec.id);
    return sandbox;
  }

  async #choose(readOnly: readonly string[], needs: SandboxNeeds): Promise<Sandbox> {
    this.#options.signal.throwIfAborted();
    if (this.#current && !isEnded(this.#current)) return this.#current;
    this.#current = await this.#unusedWith(mountsKey(readOnly));
    this.#current ??= await this.#fresh(readOnly, needs);
    return this.#current;
  }

  async #unusedWith(key: string): Promise<Sandbox | undefined> {
    const unused = this.#unused;
    this.#unused = undefined;
    if (!unused) return undefined;
    if (!isEnded(unused) && mountsKey(unused.record.spec.readOnly) === key) return unused;
    await unused.end();
    return undefined;
  }

  async #fresh(readOnly: readonly string[], needs: SandboxNeeds): Promise<Sandbox> {
    const { place, home, provider, signal } = this.#options;
    // What an earlier runner has spooled is not the new one's.
    await removeOwned(place.spool, place.root);
    await mkdir(place.spool, { mode: 0o700 });
    const { workspace, spool, control } = place;
    const spec = { id: newId(), workspace, home, spool, control, readOnly: [...readOnly], ...(needs === "commands" ? { runner: false } : {}) };
    if (needs === "turns") await this.#options.onFresh();
    return await provider.start(spec, signal);
  }
}
