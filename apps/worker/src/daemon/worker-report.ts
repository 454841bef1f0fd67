import { isDeepStrictEqual } from "node:util";
import { gatewayHealth } from "@slipway/process/gateway-health";
import type { Client } from "@slipway/protocol/client";
import { toSlipwayError } from "@slipway/protocol/errors";
import type { ProbeResult } from "@slipway/protocol/manifest";
import type { WorkerAgent, WorkerImage, WorkerReport } from "@slipway/protocol/worker-api";
import type { Logger } from "pino";
import type { BackendImages, NamedImage, SandboxProvider, WarmUpFailure } from "../sandbox/sandbox.ts";
import { pause } from "./pause.ts";
import type { WarmPool } from "./warm.ts";

/** How often the engine is asked whether its images are others, in ms. */
const LOOK_EVERY_MS = 30_000;
const SAY_LIMIT_MS = 10_000;
const WARNINGS_LIMIT = 50;
const BROKEN_LIMIT = 100;

export interface ReporterOptions {
  readonly client: Pick<Client, "call">;
  readonly workerId: string;
  readonly provider: Pick<SandboxProvider, "images">;
  /** Names of those that this worker has. */
  readonly backends: readonly string[];
  /** Names of those whose agents need the model gateway, and its socket; undefined where none is known. */
  readonly gateway: { readonly backends: readonly string[]; readonly socket: string } | undefined;
  /** Those that are installed and cannot be loaded, with why. */
  readonly brokenBackends?: WorkerReport["brokenBackends"];
  readonly pool: Pick<WarmPool, "troubles" | "follow">;
  /** What is known of the machine's own agents; missing where images bring them. */
  readonly hostAgents?: () => WorkerAgent[];
  readonly log: Logger;
}

/** Keeps an eye on the images of backends, and tells the server what jobs run in and what does not work, for people to read. */
export class WorkerReporter {
  readonly #options: ReporterOptions;
  /** Why a backend could not be warmed up in the image that it has. */
  readonly #warmUps = new Map<string, string>();
  /** What the probes say in an image, by its id; or why they do not. */
  readonly #agents = new Map<string, readonly ProbeResult[] | string>();
  #lookTrouble: string | undefined;
  /** What the gateway's health was in how many looks on end. */
  #gatewayAway: { readonly looks: number; readonly found: string } | undefined;
  #said: WorkerReport | undefined;
  #saying: Promise<void> = Promise.resolve();

  constructor(options: ReporterOptions) {
    this.#options = options;
  }

  /** Looks at once and again and again, until the signal aborts; never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const aborted = new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
    while (!signal.aborted) {
      // An engine that does not answer must not hold the worker's end up.
      await Promise.race([this.look(), aborted]);
      // The abort is this loop's own end.
      await pause(LOOK_EVERY_MS, signal).catch(() => undefined);
    }
  }

  /** Asks the engine which images there are now, has the pool follow, and asks new images for their agents. Never rejects. */
  async look(): Promise<void> {
    const { provider, backends, pool, log } = this.#options;
    await this.#lookAtGateway();
    if (!provider.images) return await this.say();
    try {
      const before = this.#images();
      await provider.images.refresh(backends);
      const now = this.#images();
      if (!isDeepStrictEqual(before, now)) pool.follow(({ name }) => now.find(({ image }) => image.name === name)?.image);
      await this.say();
      for (const { image } of now) await this.#askAgents(image, provider.images);
      this.#lookTrouble = undefined;
    } catch (error) {
      const { message } = toSlipwayError(error);
      if (message !== this.#lookTrouble) log.warn({ err: error }, "the images of backends could not be looked at; tried again later");
      this.#lookTrouble = message;
    }
    await this.say();
  }

  /** Once may be a gateway that is being started. */
  async #lookAtGateway(): Promise<void> {
    const { gateway } = this.#options;
    if (!gateway || gateway.backends.length === 0) return;
    const { ok, found } = await gatewayHealth(gateway.socket);
    this.#gatewayAway = ok ? undefined : { looks: (this.#gatewayAway?.looks ?? 0) + 1, found };
  }

  /** Once for each image: what does not answer is no better the next time. */
  async #askAgents({ name, imageId }: NamedImage, images: BackendImages): Promise<void> {
    if (this.#agents.has(imageId)) return;
    try {
      this.#agents.set(imageId, await images.agentsIn(imageId));
    } catch (error) {
      const { message } = toSlipwayError(error);
      this.#agents.set(imageId, message);
      this.#options.log.warn({ err: error, image: name }, "the image does not say which agents are in it");
    }
  }

  /** A warm-up has ended in a sandbox of this image. A failure stops no job. */
  warmed(image: NamedImage | undefined, failures: readonly WarmUpFailure[]): void {
    const { backends, provider, log } = this.#options;
    for (const backend of backends) {
      // What is not at home in an image need not work there.
      if (image && provider.images?.of(backend).imageId !== image.imageId) continue;
      const reason = failures.find((failure) => failure.backend === backend)?.reason;
      if (reason === this.#warmUps.get(backend)) continue;
      if (reason === undefined) this.#warmUps.delete(backend);
      else {
        this.#warmUps.set(backend, reason);
        log.warn({ backend, image: image?.name, reason }, "a backend could not be warmed up: its first turns are slower, or say what is wrong");
      }
    }
    void this.say();
  }

  /** Tells the server what is new; `again`: all of it, as it does not know it any more. Never rejects. */
  async say(again = false): Promise<void> {
    this.#saying = this.#saying.then(() => this.#say(again));
    await this.#saying;
  }

  async #say(again: boolean): Promise<void> {
    const { client, workerId, log } = this.#options;
    const report = this.#report();
    if (again ? isEmpty(report) : isDeepStrictEqual(report, this.#said ?? { images: [], warnings: [], brokenBackends: [], agents: [] })) return;
    try {
      await client.call("reportWorker", { params: { worker: workerId }, body: report, signal: AbortSignal.timeout(SAY_LIMIT_MS) });
      this.#said = report;
    } catch (error) {
      // It is for people to read; the worker does the same whether they can or not, and says it again when it is connected.
      log.debug({ err: error }, "the server was not told how the worker is");
    }
  }

  #images(): Array<{ backend: string; image: NamedImage & { passedOver: readonly string[] } }> {
    const { provider, backends } = this.#options;
    return backends.flatMap((backend) => {
      const image = provider.images?.of(backend);
      return image ? [{ backend, image }] : [];
    });
  }

  #report(): WorkerReport {
    const images = this.#images();
    const troubles = this.#options.pool.troubles.map(
      ({ image, reason }) => `nothing ${image === undefined ? "" : `of ${image} `}can be started ahead, jobs start their own: ${reason}`,
    );
    const warmUps = [...this.#warmUps].map(([backend, reason]) => `${backend} could not be warmed up: ${reason}`);
    const passedOver = images.flatMap(({ image }) => image.passedOver.map((words) => `not used: ${words}; \`slipway images build\` makes it anew`));
    const silent = images.flatMap(({ image }) => {
      const agents = this.#agents.get(image.imageId);
      return typeof agents === "string" ? [`${image.name} does not say which agents are in it: ${agents}`] : [];
    });
    const looks = this.#lookTrouble === undefined ? [] : [this.#lookTrouble];
    const { gateway } = this.#options;
    const models =
      gateway && this.#gatewayAway && this.#gatewayAway.looks > 1
        ? [`the model gateway is not reached (${this.#gatewayAway.found}): jobs with ${gateway.backends.join(", ")} end with GATEWAY_UNAVAILABLE`]
        : [];
    const brokenBackends = (this.#options.brokenBackends ?? []).slice(0, BROKEN_LIMIT);
    const unloadable = brokenBackends.map(
      ({ name, package: packageName, problem }) => `the backend ${name} (package ${packageName}) cannot be loaded: ${problem}`,
    );
    const warnings = [...new Set([...unloadable, ...models, ...troubles, ...warmUps, ...passedOver, ...silent, ...looks])].slice(0, WARNINGS_LIMIT);
    return {
      images: images.map(({ backend, image }) => this.#describe(backend, image)),
      warnings: warnings.map((text) => text.slice(0, 1_000)),
      brokenBackends,
      agents: this.#options.hostAgents?.() ?? images.flatMap(({ backend, image }) => this.#agentOf(backend, image)),
    };
  }

  /** An agent that is not in its image comes with another one. */
  #agentOf(backend: string, { imageId }: NamedImage): WorkerAgent[] {
    const probed = this.#probed(backend, imageId);
    if (!probed) return [];
    const { ok, version, found } = probed;
    const remedy = ok ? null : `slipway images build ${backend}`;
    return [{ backend, ok, version: version?.slice(0, 100) ?? null, found: found.slice(0, 500), remedy }];
  }

  #probed(backend: string, imageId: string): ProbeResult | undefined {
    const agents = this.#agents.get(imageId);
    return typeof agents === "object" ? agents.find((one) => one.backend === backend) : undefined;
  }

  #describe(backend: string, { name, imageId }: NamedImage): WorkerImage {
    const probed = this.#probed(backend, imageId);
    return { backend, image: name, imageId, agent: probed ? { ok: probed.ok, found: probed.found.slice(0, 500) } : null };
  }
}

function isEmpty({ images, warnings, brokenBackends, agents }: WorkerReport): boolean {
  return images.length + warnings.length + brokenBackends.length + agents.length === 0;
}
