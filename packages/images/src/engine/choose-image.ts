import { RUNNER_LABEL, runnerDigest } from "@slipway/process/runner-digest";
import { ALL_IMAGE, BASE_IMAGE } from "../plans.ts";
import { imageReference } from "../references.ts";
import { type Docker, type Engine, isGone } from "./engine.ts";

/** What the engine says of an image. */
export type ImageInfo = Docker.ImageInspectInfo;

/** The first image that fits, and those before it that are there and do not. */
export interface Choice {
  readonly found: { readonly name: string; readonly info: ImageInfo } | undefined;
  /** In words for people, such as `slipway/codex:0.1.0: its runner is of another version of Slipway`. */
  readonly passedOver: readonly string[];
}

/** The images that a worker of this version takes where nobody names one: first the one with all backends, else the one with none. */
export function defaultImages(version: string): string[] {
  return [imageReference(ALL_IMAGE, version), imageReference(BASE_IMAGE, version)];
}

/** The images that a job of this backend runs in, the best first: its own as `slipway images build` names it, else those for all. */
export function imagesOfBackend(backend: string, version: string): string[] {
  return [imageReference(backend, version), ...defaultImages(version)];
}

/** The first of these images that the engine has and that carries the runner of this installation. Rejects as the engine does. */
export async function chooseImage(engine: Engine, names: readonly string[], installRoot: string): Promise<Choice> {
  const passedOver: string[] = [];
  for (const name of names) {
    const info = await inspectImage(engine, name);
    const unfit = info && whyUnfit(info, installRoot);
    if (unfit !== undefined) passedOver.push(`${name}: ${unfit}`);
    else if (info) return { found: { name, info }, passedOver };
  }
  return { found: undefined, passedOver };
}

/** Why this installation cannot use an image; undefined where it can. */
export function whyUnfit({ Config }: ImageInfo, installRoot: string): string | undefined {
  const label = Config.Labels?.[RUNNER_LABEL];
  if (label === runnerDigest(installRoot)) return undefined;
  return label === undefined ? "it has no runner in it" : "its runner is of another version of Slipway";
}

/** An image by its name or its id; undefined where the engine has none. Nothing is fetched. Rejects as the engine does. */
export async function inspectImage(engine: Engine, name: string): Promise<ImageInfo | undefined> {
  try {
    return await engine.getImage(name).inspect();
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}
