import { chooseImage, inspectImage } from "@slipway/images/engine/choose-image";
import type { Engine } from "@slipway/images/engine/engine";
import { probeImage } from "@slipway/images/engine/probe-image";
import { SlipwayError } from "@slipway/protocol/errors";
import type { ProbeResult } from "@slipway/protocol/manifest";
import type { BackendImage, BackendImages, SandboxImage } from "../sandbox.ts";
import { ask } from "./engine.ts";
import { toImage } from "./image.ts";

export interface ImageTableOptions {
  readonly engine: Engine;
  readonly installRoot: string;
  /** Where the answers of images are kept. */
  readonly cacheFolder: string;
  /** Of all that belongs to no backend, and of backends for which nothing better is there. */
  readonly own: SandboxImage;
  /** Names of images for a backend, the best first. */
  candidates(backend: string): readonly string[];
}

/** Which image is whose: what was found at the last look, so that a job need not wait for the engine to be asked. */
export class ImageTable implements BackendImages {
  readonly #options: ImageTableOptions;
  readonly #byBackend = new Map<string, BackendImage>();
  readonly #known = new Map<string, SandboxImage>();

  constructor(options: ImageTableOptions) {
    this.#options = options;
    this.#known.set(options.own.imageId, options.own);
  }

  of(backend: string): BackendImage {
    const { name, imageId } = this.#options.own;
    return this.#byBackend.get(backend) ?? { name, imageId, passedOver: [] };
  }

  async refresh(backends: readonly string[]): Promise<void> {
    for (const backend of new Set(backends)) this.#byBackend.set(backend, await this.#look(backend));
  }

  async agentsIn(imageId: string): Promise<readonly ProbeResult[]> {
    const { engine, cacheFolder } = this.#options;
    return await ask("the runner", probeImage(engine, imageId, cacheFolder));
  }

  /** The image with this id; the worker's own where none is given. SANDBOX_UNAVAILABLE where the engine has it no longer. */
  async byId(imageId: string | undefined): Promise<SandboxImage> {
    const { own, engine } = this.#options;
    const known = imageId === undefined ? own : this.#known.get(imageId);
    if (known) return known;
    const found = await ask("the image of a sandbox", inspectImage(engine, imageId ?? ""));
    if (!found) throw new SlipwayError("SANDBOX_UNAVAILABLE", `The container engine has the image ${imageId} no longer.`, { image: imageId });
    return this.#keep(toImage(found.RepoTags?.[0] ?? found.Id, found));
  }

  async #look(backend: string): Promise<BackendImage> {
    const { candidates, engine, installRoot, own } = this.#options;
    const names = candidates(backend);
    // The worker's own stays what it was at its start, whatever its name means by now.
    const better = names.includes(own.name) ? names.slice(0, names.indexOf(own.name)) : names;
    const { found, passedOver } = await ask(`the images of ${backend}`, chooseImage(engine, better, installRoot));
    const { name, imageId } = found ? this.#keep(toImage(found.name, found.info)) : own;
    return { name, imageId, passedOver };
  }

  #keep(image: SandboxImage): SandboxImage {
    this.#known.set(image.imageId, image);
    return image;
  }
}
