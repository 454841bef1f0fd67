import { watch } from "node:fs";
import { toSlipwayError } from "@slipway/protocol/errors";
import { type Manifest, type ProbeResult, probeResultSchema } from "@slipway/protocol/manifest";
import { newId } from "@slipway/protocol/scalars";
import type { WorkerAgent } from "@slipway/protocol/worker-api";
import type { Logger } from "pino";
import { z } from "zod";
import type { HostAgents } from "../sandbox/sandbox.ts";
import { pathKey, programKey } from "./agent-key.ts";
import { readJson, writeJson } from "./durable-file.ts";
import { pause } from "./pause.ts";
import { makePlace } from "./places.ts";
import { removeOwned } from "./remove-owned.ts";

/** How often is looked whether a program is another, in ms: nothing is started for that. */
const LOOK_EVERY_MS = 30_000;
/** An installation that is under way changes a folder more than once. */
const SETTLE_MS = 500;
/** After this long an answer is asked for again, in ms, whatever the files say: of an agent that is there, and of one that is not. */
const GOOD_FOR_MS = { there: 86_400_000, absent: 1_800_000 } as const;

const answerSchema = z.object({
  result: probeResultSchema,
  /** Of backend and agent. */
  release: z.string(),
  path: z.string(),
  program: z.string(),
  at: z.number(),
});
type Answer = z.infer<typeof answerSchema>;

export interface AgentWatchOptions {
  readonly agents: HostAgents;
  readonly manifests: readonly Manifest[];
  /** Of this worker: another one may ask in another way. */
  readonly version: string;
  /** Where answers are kept, for the next start. */
  readonly file: string;
  /** Folder of places of sandboxes. */
  readonly sandboxes: string;
  readonly toolchains: readonly string[];
  readonly onChange: () => void;
  readonly log: Logger;
}

/** Knows which agents are on this machine, by the probes of their backends; asks again only where something may have changed. */
export class AgentWatch {
  readonly #options: AgentWatchOptions;
  readonly #answers = new Map<string, Answer>();
  /** Agents that were there and seem to be gone: an update takes one away for a moment. */
  readonly #doubted = new Set<string>();
  /** Those whose probe hung are left alone until then. */
  readonly #silentUntil = new Map<string, number>();
  #trouble: string | undefined;

  constructor(options: AgentWatchOptions) {
    this.#options = options;
  }

  /** What is known by now. */
  get found(): WorkerAgent[] {
    const all = [...this.#answers.values()].map(({ result }) => result).toSorted((a, b) => (a.backend < b.backend ? -1 : 1));
    return all.map(({ backend, ok, version, found, remedy }) => ({
      ...{ backend, ok, version: version?.slice(0, 100) ?? null, found: found.slice(0, 500) },
      remedy: ok ? null : (remedy?.slice(0, 1_000) ?? null),
    }));
  }

  /** Looks at once and again and again, until the signal aborts; never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    let installed = Promise.withResolvers<void>();
    using _ = watchFolder(this.#options.agents.installs, () => installed.resolve());
    while (!signal.aborted) {
      await this.look(signal);
      // The abort is this loop's own end.
      const waited = new AbortController();
      const next = pause(LOOK_EVERY_MS, AbortSignal.any([signal, waited.signal])).catch(() => undefined);
      if ((await Promise.race([next, installed.promise.then(() => "installed")])) === "installed") await pause(SETTLE_MS, signal).catch(() => undefined);
      waited.abort();
      installed = Promise.withResolvers<void>();
    }
  }

  /** Asks the probes whose answers may not hold any more. Never rejects: without an answer the worker takes jobs as ever. */
  async look(signal: AbortSignal): Promise<void> {
    const { agents, manifests, file, onChange, log } = this.#options;
    try {
      await this.#remember();
      const path = await pathKey(agents.path);
      const stale: Manifest[] = [];
      for (const manifest of manifests) if (!this.#isSilent(manifest) && !(await this.#holds(manifest, path))) stale.push(manifest);
      if (stale.length === 0) return;
      await this.#ask(stale, path, signal);
      await writeJson(file, [...this.#answers.values()]);
      this.#trouble = undefined;
    } catch (error) {
      if (signal.aborted) return;
      const { message } = toSlipwayError(error);
      if (message !== this.#trouble) log.warn({ err: error }, "the backends could not be asked for their agents; tried again later");
      this.#trouble = message;
    }
    onChange();
  }

  /** What an earlier process of this worker has found. */
  async #remember(): Promise<void> {
    if (this.#answers.size > 0) return;
    const kept = (await readJson(this.#options.file, z.array(answerSchema))) ?? [];
    const path = await pathKey(this.#options.agents.path);
    for (const answer of kept) {
      const { backend } = answer.result;
      const manifest = this.#options.manifests.find(({ name }) => name === backend);
      if (!manifest) continue;
      this.#answers.set(backend, answer);
      // Of what may be otherwise by now nothing is told before it is asked.
      if (!(await this.#holds(manifest, path))) this.#answers.delete(backend);
    }
    if (this.#answers.size > 0) this.#options.onChange();
  }

  async #holds(manifest: Manifest, path: string): Promise<boolean> {
    const answer = this.#answers.get(manifest.name);
    if (!answer || answer.path !== path || answer.release !== this.#releaseOf(manifest)) return false;
    const ageMs = Date.now() - answer.at;
    if (ageMs < 0 || ageMs > (answer.result.ok ? GOOD_FOR_MS.there : GOOD_FOR_MS.absent)) return false;
    return answer.program === (await programKey(answer.result.program));
  }

  async #ask(manifests: readonly Manifest[], path: string, signal: AbortSignal): Promise<void> {
    const { agents, sandboxes, toolchains, onChange } = this.#options;
    const place = await makePlace(sandboxes);
    const told: Array<Promise<void>> = [];
    try {
      const { workspace, home, spool, control } = place;
      const spec = { id: newId(), workspace, home, spool, control, readOnly: [...toolchains] };
      const take = async (result: ProbeResult): Promise<void> => {
        const manifest = manifests.find(({ name }) => name === result.backend);
        if (!manifest || !this.#isCertain(result)) return;
        const program = await programKey(result.program);
        this.#answers.set(result.backend, { result, release: this.#releaseOf(manifest), path, program, at: Date.now() });
        onChange();
      };
      const names = manifests.map(({ name }) => name);
      const silent = new Set(names);
      const onAnswer = (result: ProbeResult): void => {
        silent.delete(result.backend);
        told.push(take(result));
      };
      await agents.ask(spec, names, onAnswer, signal);
      for (const name of silent) this.#silentUntil.set(name, performance.now() + GOOD_FOR_MS.absent);
    } finally {
      await Promise.all(told);
      await removeOwned(place.root, sandboxes);
    }
  }

  #isSilent({ name }: Manifest): boolean {
    return (this.#silentUntil.get(name) ?? 0) > performance.now();
  }

  /** One that was there is gone when two looks say so. */
  #isCertain({ backend, ok }: ProbeResult): boolean {
    const isDoubtful = !ok && this.#answers.get(backend)?.result.ok === true && !this.#doubted.has(backend);
    if (isDoubtful) this.#doubted.add(backend);
    else this.#doubted.delete(backend);
    return !isDoubtful;
  }

  #releaseOf({ version, release }: Manifest): string {
    return [this.#options.version, version, release?.version ?? ""].join(" ");
  }
}

/** Where a folder cannot be watched, the next look sees the change. */
function watchFolder(folder: string | undefined, onChange: () => void): Disposable {
  try {
    const watcher = folder === undefined ? undefined : watch(folder, { persistent: false }, onChange);
    watcher?.on("error", () => watcher.close());
    return { [Symbol.dispose]: () => watcher?.close() };
  } catch {
    return { [Symbol.dispose]: () => undefined };
  }
}
