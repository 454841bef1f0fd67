import { createHash } from "node:crypto";
import { type ImageInfo, inspectImage, whyUnfit } from "@slipway/images/engine/choose-image";
import type { Engine } from "@slipway/images/engine/engine";
import { RUNNER_LABEL, runnerDigest } from "@slipway/process/runner-digest";
import { SlipwayError } from "@slipway/protocol/errors";
import type { SandboxImage } from "../sandbox.ts";
import { ask } from "./engine.ts";

const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const HINT = "`slipway images build` makes the images of this installation.";

/** The first of these images that the engine has. SANDBOX_UNAVAILABLE where it has none of them, or where that one's runner is not of this installation. */
export async function findImage(engine: Engine, names: readonly string[], installRoot: string): Promise<SandboxImage> {
  for (const name of names) {
    const found = await ask(`the image ${name}`, inspectImage(engine, name));
    if (!found) continue;
    const reason = whyUnfit(found, installRoot);
    if (reason === undefined) return toImage(name, found);
    throw new SlipwayError("SANDBOX_UNAVAILABLE", `The image ${name} does not fit this worker: ${reason}.`, {
      ...{ image: name, label: RUNNER_LABEL, expected: runnerDigest(installRoot), found: found.Config.Labels?.[RUNNER_LABEL] ?? null },
      hint: HINT,
    });
  }
  throw new SlipwayError("SANDBOX_UNAVAILABLE", `The container engine has no image ${names.join(", nor ")}.`, { images: [...names], hint: HINT });
}

/** An image as sandboxes need it. */
export function toImage(name: string, { Id, Config }: ImageInfo): SandboxImage {
  const path = Config.Env?.find((entry) => entry.startsWith("PATH="))?.slice("PATH=".length) || DEFAULT_PATH;
  // An engine without a store of contents names an image by the digest of its configuration, another by its manifest's: both are of its content.
  const id = /^sha256:[0-9a-f]{64}$/.test(Id) ? Id : `sha256:${createHash("sha256").update(Id).digest("hex")}`;
  return { name, imageId: Id, id, path };
}
