import { mkdir } from "node:fs/promises";
import { newId } from "@slipway/protocol/scalars";
import { isEnded, type OwnedProvider } from "../daemon/owned-provider.ts";
import type { Place } from "../daemon/places.ts";
import { removeOwned } from "../daemon/remove-owned.ts";
import type { WarmSandbox } from "../daemon/warm.ts";
import { shapeKey } from "../daemon/warm-shape.ts";
import type { NamedImage, Sandbox } from "../sandbox/sandbox.ts";
import type { SandboxNeeds } from "./context.ts";

export interface AgentSandboxOptions {
  readonly place: Place;
  /** The home that is bound: the place's own, or the job's kept one. */
  readonly home: string;
  readonly provider: OwnedProvider;
  /** Of the job's backend; undefined for the provider's own. */
  readonly image: NamedImage | undefined;
  /** Runs there already, or will soon: started ahead, not used yet. */
  readonly warm: Pick<WarmSandbox, "started" | "ready"> | undefined;
  /** Ran there before the worker was restarted, and is this attempt's. */
  readonly attached: Sandbox | undefined;
  /** The job's, whose turn comes; undefined where none does. */
  readonly backend: string | undefined;
  /** The job changes nothing. One that was started ahead sees a workspace that it could change. */
  readonly workspaceReadOnly: boolean;
  readonly signal: AbortSignal;
  /** Called when the job has to wait for one with a runner: `ahead` is being started anyway, `own` is started for the job itself. */
  readonly onWait: (what: "ahead" | "own") => Promise<void>;
  /** Called with the mounts and the label whenever a sandbox is handed out. */
  readonly onHandedOut: (readOnly: readonly string[], label: string) => void;
}

/** The agent's sandbox of one attempt: decides between the one that is there and a fresh one over the same folders. */
export class AgentSandbox {
  readonly #options: AgentSandboxOptions;
  #unused: AgentSandboxOptions["warm"];
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
    this.#current = await this.#unusedWith(readOnly);
    this.#current ??= await this.#fresh(readOnly, needs);
    return this.#current;
  }

  async #unusedWith(readOnly: readonly string[]): Promise<Sandbox | undefined> {
    const { image, workspaceReadOnly, onWait } = this.#options;
    const unused = await this.#startedAhead(() => onWait("ahead"));
    if (!unused) return undefined;
    const { spec } = unused.record;
    const isLike =
      shapeKey({ image, readOnly }) === shapeKey({ image: spec.image === undefined ? undefined : { imageId: spec.image }, readOnly: spec.readOnly });
    if (!isEnded(unused) && isLike && !workspaceReadOnly) return unused;
    await unused.end();
    return undefined;
  }

  async #startedAhead(onWait: () => Promise<void>): Promise<Sandbox | undefined> {
    const unused = this.#unused;
    this.#unused = undefined;
    if (!unused || unused.ready) return unused?.ready;
    await onWait();
    // Why it could not be started is the pool's to tell; the job's own may fare better, or says the same.
    return await unused.started.catch(() => undefined);
  }

  async #fresh(readOnly: readonly string[], needs: SandboxNeeds): Promise<Sandbox> {
    const { place, home, provider, image, backend, workspaceReadOnly, signal } = this.#options;
    // What an earlier runner has spooled is not the new one's.
    await removeOwned(place.spool, place.root);
    await mkdir(place.spool, { mode: 0o700 });
    const { workspace, spool, control } = place;
    const more = { ...(image ? { image: image.imageId } : {}), ...(needs === "commands" ? { runner: false } : {}) };
    const spec = { id: newId(), workspace, home, spool, control, readOnly: [...readOnly], ...more, warmFor: backend, workspaceReadOnly };
    if (needs === "turns") await this.#options.onWait("own");
    return await provider.start(spec, signal);
  }
}
