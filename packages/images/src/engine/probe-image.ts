import { createHash } from "node:crypto";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { SlipwayError } from "@slipway/protocol/errors";
import { type ProbeResult, probeResultSchema } from "@slipway/protocol/manifest";
import { z } from "zod";
import type { Engine } from "./engine.ts";
import { tryRunner } from "./try-image.ts";

const answerSchema = z.array(probeResultSchema);

/**
 * What each backend's probe says inside of an image: whether its agent is installed there. An image does not change, so it is asked once: the answer is kept
 * in `cacheFolder`, by the image's id. SANDBOX_UNAVAILABLE where the image's runner does not answer; ENGINE_UNAVAILABLE.
 */
export async function probeImage(engine: Engine, imageId: string, cacheFolder: string): Promise<ProbeResult[]> {
  const file = join(cacheFolder, `agents-${createHash("sha256").update(imageId).digest("hex").slice(0, 24)}.json`);
  const kept = answerSchema.safeParse(parsed(await readFile(file, "utf8").catch(() => "")));
  if (kept.success) return kept.data;
  const { exitCode, stdout, stderr } = await tryRunner(engine, imageId, "probe");
  const answer = answerSchema.safeParse(parsed(stdout));
  if (exitCode !== 0 || !answer.success) {
    const words = stderr.trim().slice(-300) || `it ended with exit code ${exitCode}`;
    throw new SlipwayError("SANDBOX_UNAVAILABLE", `It does not answer: ${words}`, { image: imageId });
  }
  await keep(cacheFolder, file, answer.data);
  return answer.data;
}

async function keep(folder: string, file: string, answer: readonly ProbeResult[]): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  // Whoever reads it meanwhile sees all of it, or the one before.
  const fresh = `${file}.${process.pid}`;
  await writeFile(fresh, JSON.stringify(answer), { mode: 0o600 });
  await rename(fresh, file);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // Not there, cut short, or other words: asked anew, or told.
  }
}
