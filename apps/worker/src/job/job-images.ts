import { createHash } from "node:crypto";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { SlipwayError } from "@slipway/protocol/errors";
import { type JobImage, jobImageFile } from "@slipway/protocol/job-images";
import type { TurnRequest } from "@slipway/protocol/runner-protocol";
import type { AttemptContext } from "../attempt/context.ts";
import type { Sandbox } from "../sandbox/sandbox.ts";
import { whileUnreachable } from "./retry.ts";

/** In the control folder, which the inside may only read: a home that is kept has been an agent's, who may have put links there. */
const FOLDER = "images";

/** Brings the job's images to where its turns find them. JOB_IMAGE_MISSING. */
export async function bringImages(context: AttemptContext): Promise<void> {
  const { id, images } = context.claim.job;
  if (images.length === 0) return;
  await context.journal.step("images", async () => {
    const folder = join(context.paths.control, FOLDER);
    await mkdir(folder, { recursive: true });
    for (const [index, image] of images.entries()) {
      const bytes = await whileUnreachable(context.signal, () => context.client.jobImage(id, index + 1, context.signal));
      requireWhole(image, bytes);
      const path = join(folder, jobImageFile(index + 1, image));
      await writeFile(path, bytes);
      // In a container the agent is another user.
      await chmod(path, 0o444);
    }
    await chmod(folder, 0o755);
    return null;
  });
}

function requireWhole({ name, bytes, sha256 }: JobImage, came: Uint8Array): void {
  const digest = createHash("sha256").update(came).digest("hex");
  if (digest === sha256) return;
  throw new SlipwayError("JOB_IMAGE_MISSING", `The image ${name} came damaged from the server.`, {
    image: name,
    bytes: came.length,
    expectedBytes: bytes,
    digest,
    sha256,
  });
}

/** The job's images as a turn in this sandbox finds them; nothing where there are none. */
export function imagesOfTurn({ claim }: Pick<AttemptContext, "claim">, { inside }: Pick<Sandbox, "inside">): Pick<TurnRequest, "images"> {
  const { images } = claim.job;
  if (images.length === 0) return {};
  return { images: images.map((image, index) => ({ path: join(inside.control, FOLDER, jobImageFile(index + 1, image)), type: image.type, name: image.name })) };
}

/** The task with a word on its images: a model is shown them without their names, and its tools find them as files. */
export function withImageNames(prompt: string, { images = [] }: Pick<TurnRequest, "images">): string {
  if (images.length === 0) return prompt;
  const lines = images.map(({ name, path }) => `- ${name}: ${path}`);
  const words =
    images.length === 1 ? "The image that comes with this task, and its file" : "The images that come with this task, in their order, and their files";
  return `${prompt}\n\n${words} (read-only, outside of the repository):\n${lines.join("\n")}`;
}
