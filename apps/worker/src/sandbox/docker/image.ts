import { createHash } from "node:crypto";
import { type Docker, type Engine, isGone } from "@slipway/images/engine/engine";
import { RUNNER_LABEL, runnerDigest } from "@slipway/process/runner-digest";
import { SlipwayError } from "@slipway/protocol/errors";
import type { SandboxImage } from "../sandbox.ts";
import { ask } from "./engine.ts";

const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const HINT = "`slipway images build` makes the images of this installation.";

export interface EngineImage extends SandboxImage {
  /** As it was asked for, for people. */
  readonly name: string;
  /** The engine's own id of it, which a container is made from: a name may mean another image tomorrow. */
  readonly imageId: string;
}

/** The images that a worker of this version takes where nobody names one: first the one with all backends, else the one with none. */
export function defaultImages(version: string): string[] {
  return [`slipway/all:${version}`, `slipway/base:${version}`];
}

/** The first of these images that the engine has. SANDBOX_UNAVAILABLE where it has none of them, or where that one's runner is not of this installation. */
export async function findImage(engine: Engine, names: readonly string[], installRoot: string): Promise<EngineImage> {
  for (const name of names) {
    const found = await inspect(engine, name);
    if (!found) continue;
    const label = found.Config.Labels?.[RUNNER_LABEL];
    const expected = runnerDigest(installRoot);
    if (label === expected) return toImage(name, found);
    const reason = label === undefined ? "it has no runner in it" : "its runner is of another version of Slipway";
    throw new SlipwayError("SANDBOX_UNAVAILABLE", `The image ${name} does not fit this worker: ${reason}.`, {
      ...{ image: name, label: RUNNER_LABEL, expected, found: label ?? null },
      hint: HINT,
    });
  }
  throw new SlipwayError("SANDBOX_UNAVAILABLE", `The container engine has no image ${names.join(", nor ")}.`, { images: [...names], hint: HINT });
}

async function inspect(engine: Engine, name: string): Promise<Docker.ImageInspectInfo | undefined> {
  try {
    return await ask(`the image ${name}`, engine.getImage(name).inspect());
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

function toImage(name: string, { Id, Config }: Docker.ImageInspectInfo): EngineImage {
  const path = Config.Env?.find((entry) => entry.startsWith("PATH="))?.slice("PATH=".length) || DEFAULT_PATH;
  // An engine without a store of contents names an image by the digest of its configuration, another by its manifest's: both are of its content.
  const id = /^sha256:[0-9a-f]{64}$/.test(Id) ? Id : `sha256:${createHash("sha256").update(Id).digest("hex")}`;
  return { name, imageId: Id, id, path };
}
