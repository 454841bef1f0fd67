import type { Engine } from "@slipway/images/engine/engine";
import { WORKER_LABEL } from "./labels.ts";

/** Pause before the engine is asked again for its events, in ms. */
const AGAIN_MS = 1_000;

/**
 * How often the kernel killed a process in each container for want of memory, as the engine tells it: for a container whose counter cannot be read, and for
 * one that is gone with it. Listens from the first container on.
 */
export class OomEvents {
  readonly #engine: Engine;
  readonly #workerLabel: string;
  readonly #kills = new Map<string, number>();
  #listening: Promise<void> | undefined;

  constructor(engine: Engine, workerLabel: string) {
    this.#engine = engine;
    this.#workerLabel = workerLabel;
  }

  /** Resolves when kills in containers are heard of. Never rejects: without the engine's events the counters remain. */
  async listen(): Promise<void> {
    this.#listening ??= this.#listen();
    await this.#listening;
  }

  of(containerId: string): number {
    return this.#kills.get(containerId) ?? 0;
  }

  forget(containerId: string): void {
    this.#kills.delete(containerId);
  }

  async #listen(): Promise<void> {
    try {
      const filters = JSON.stringify({ type: ["container"], event: ["oom"], label: [`${WORKER_LABEL}=${this.#workerLabel}`] });
      const stream: NodeJS.ReadableStream & { socket?: { unref(): void } } = await this.#engine.getEvents({ filters });
      // A worker that has nothing else to do may end.
      stream.socket?.unref();
      let text = "";
      stream.setEncoding("utf8");
      stream.on("data", (chunk: string) => {
        const lines = (text + chunk).split("\n");
        text = lines.pop() ?? "";
        for (const line of lines) this.#take(line);
      });
      stream.on("error", () => {});
      stream.once("close", () => this.#again());
    } catch {
      this.#again();
    }
  }

  #again(): void {
    setTimeout(() => {
      this.#listening = undefined;
      void this.listen();
    }, AGAIN_MS).unref();
  }

  #take(line: string): void {
    if (line.trim() === "") return;
    const { Actor } = JSON.parse(line) as { Actor?: { ID?: string } };
    if (Actor?.ID !== undefined) this.#kills.set(Actor.ID, this.of(Actor.ID) + 1);
  }
}
