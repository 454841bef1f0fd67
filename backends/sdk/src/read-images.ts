import { readFile } from "node:fs/promises";
import type { TurnImage } from "./backend.ts";

/** The bytes of an image in base64, and its type: what most agents and vendors take. */
export interface ReadImage extends TurnImage {
  readonly base64: string;
}

/** Reads the images of a turn. Rejects where a file is not there. */
export async function readImages(images: readonly TurnImage[] = []): Promise<ReadImage[]> {
  return await Promise.all(images.map(async (image) => ({ ...image, base64: await readFile(image.path, "base64") })));
}
