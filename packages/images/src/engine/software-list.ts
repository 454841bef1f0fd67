import { Readable } from "node:stream";
import { buffer, text } from "node:stream/consumers";
import { SlipwayError } from "@slipway/protocol/errors";
import { extract } from "tar-stream";
import { z } from "zod";
import { TRIAL_LABEL } from "../labels.ts";
import { SOFTWARE_IN_IMAGE } from "../layout.ts";
import { type Engine, engineError, isGone } from "./engine.ts";

const packageSchema = z.object({ name: z.string(), version: z.string() });
const softwareSchema = z.object({
  node: z.string(),
  debian: z.array(packageSchema),
  npm: z.array(packageSchema.extend({ folder: z.string() })),
  python: z.array(packageSchema).default([]),
});
/** What is installed in an image, as `docker/software.ts` wrote it there. */
export type SoftwareList = z.infer<typeof softwareSchema>;

/** The software list of an image, read out of it without running anything. NOT_FOUND where it has none. */
export async function readSoftware(engine: Engine, reference: string): Promise<SoftwareList> {
  try {
    const container = await engine.createContainer({ Image: reference, Labels: { [TRIAL_LABEL]: reference }, HostConfig: { NetworkMode: "none" } });
    try {
      return softwareSchema.parse(JSON.parse(await onlyFile(await container.getArchive({ path: SOFTWARE_IN_IMAGE }))));
    } finally {
      await container.remove({ force: true, v: true });
    }
  } catch (error) {
    if (isGone(error)) throw new SlipwayError("NOT_FOUND", `${reference} has no software list at ${SOFTWARE_IN_IMAGE}.`);
    throw engineError(error);
  }
}

/** Read whole first: an answer that is left half-read keeps its connection, and so this process. */
async function onlyFile(archive: NodeJS.ReadableStream): Promise<string> {
  const whole = await buffer(archive);
  for await (const entry of Readable.from([whole]).pipe(extract())) return await text(entry);
  throw new Error("the engine's archive is empty");
}
