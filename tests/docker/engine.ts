import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { WORKER_LABEL } from "../../apps/worker/src/sandbox/docker/labels.ts";
import { testImage, withoutEngine } from "../support/docker-image.ts";

const missing = await withoutEngine();
if (missing !== undefined) console.warn(`left out: tests with containers: ${missing}`);
else process.env["SLIPWAY_IMAGE"] = await testImage();

/** Whether a container engine answers; workers of the test take the image of this checkout then. */
export const hasEngine: boolean = missing === undefined;

/** `id name-of-the-part status` of all containers of the workers with this label, dead ones too. */
export async function containersOf(workerLabel: string): Promise<string[]> {
  const format = '{{.ID}} {{.Label "dev.slipway.part"}} {{.Status}}';
  const { stdout } = await execa("docker", ["ps", "--all", "--filter", `label=${WORKER_LABEL}=${workerLabel}`, "--format", format]);
  return stdout.split("\n").filter(Boolean);
}

/** What the containers of the worker of this data folder are labelled with. */
export async function labelOf(data: string): Promise<string> {
  return (JSON.parse(await readFile(join(data, "worker/identity.json"), "utf8")) as { workerId: string }).workerId;
}
