import { open } from "node:fs/promises";
import { basename } from "node:path";
import { SlipwayError } from "@slipway/protocol/errors";
import { JOB_IMAGE_LIMIT_BYTES, JOB_IMAGES_LIMIT_BYTES, JOB_IMAGES_MAX, jobImageTypeOf, type SubmittedImage } from "@slipway/protocol/job-images";
import { bytes as bytesText } from "../terminal/text.ts";

/** Reads the files of `--image`, in their order. INVALID_REQUEST names the file that is not there, no image, or too large: before anything is sent. */
export async function readImages(paths: readonly string[]): Promise<SubmittedImage[]> {
  if (paths.length > JOB_IMAGES_MAX) throw refused(`${paths.length} images`, `at most ${JOB_IMAGES_MAX} images`, "Leave the less telling ones out.");
  const images: SubmittedImage[] = [];
  let total = 0;
  for (const path of paths) {
    const content = await readImage(path);
    total += content.length;
    images.push({ name: nameOf(path), data: content.toString("base64") });
  }
  if (total <= JOB_IMAGES_LIMIT_BYTES) return images;
  throw refused(`${bytesText(total)} in all`, `at most ${bytesText(JOB_IMAGES_LIMIT_BYTES)} in all`, "Leave one out, or make them smaller.");
}

async function readImage(path: string): Promise<Buffer> {
  let content: Buffer;
  try {
    await using file = await open(path, "r");
    const stat = await file.stat();
    if (!stat.isFile()) throw refused(path, "a file", "Name a file with an image, not a folder or a pipe.");
    // Asked before it is read: somebody may name a film.
    if (stat.size > JOB_IMAGE_LIMIT_BYTES) throw tooLarge(path, stat.size);
    content = await file.readFile();
  } catch (error) {
    if (error instanceof SlipwayError) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    const reason = code === "ENOENT" ? "There is no such file." : `It cannot be read: ${message}.`;
    throw refused(path, "a file that can be read", reason);
  }
  if (content.length > JOB_IMAGE_LIMIT_BYTES) throw tooLarge(path, content.length);
  if (content.length === 0) throw refused(path, "a PNG, JPEG, GIF or WebP image", "The file is empty.");
  if (jobImageTypeOf(content) === undefined) {
    throw refused(path, "a PNG, JPEG, GIF or WebP image", "What a file is, is told by its content and not by its name: convert it, to PNG for one.");
  }
  return content;
}

/** The file's own name, without what no line of text may hold. */
function nameOf(path: string): string {
  return basename(path)
    .replace(/[\p{Cc}\u2028\u2029\\]/gu, "_")
    .slice(0, 200);
}

function tooLarge(path: string, size: number): SlipwayError {
  return refused(path, `at most ${bytesText(JOB_IMAGE_LIMIT_BYTES)} for one image`, `It has ${bytesText(size)}: make it smaller, models see no more in it.`);
}

function refused(value: string, expected: string, hint: string): SlipwayError {
  return new SlipwayError("INVALID_REQUEST", `--image: expected ${expected}.`, { field: "--image", value, expected, hint });
}
