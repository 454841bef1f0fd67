import { SlipwayError } from "@slipway/protocol/errors";
import {
  JOB_IMAGE_LIMIT_BYTES,
  JOB_IMAGE_TYPES,
  JOB_IMAGES_LIMIT_BYTES,
  type JobImage,
  jobImageTypeOf,
  type SubmittedImage,
} from "@slipway/protocol/job-images";
import { invalidField } from "../http/errors.ts";
import { sha256 } from "../secrets.ts";

/** What a job is told to have, and the bytes by their digests. */
export interface TakenImages {
  readonly images: JobImage[];
  readonly contents: ReadonlyMap<string, Buffer>;
}

/** Reads the images of a submission. INVALID_REQUEST, naming the one, for what is no image, or too large. */
export function takeImages(submitted: readonly SubmittedImage[]): TakenImages {
  const images: JobImage[] = [];
  const contents = new Map<string, Buffer>();
  for (const [index, { name, data }] of submitted.entries()) {
    const field = `images.${index}.data`;
    const bytes = Buffer.from(data, "base64");
    // Node leaves out what is no base64, and so would make another file of it.
    if (bytes.toString("base64") !== data) throw invalidField(field, data, `expected base64 with its padding, and nothing between (${name})`);
    if (bytes.length > JOB_IMAGE_LIMIT_BYTES) throw invalidField(field, `${bytes.length} bytes`, `expected at most ${JOB_IMAGE_LIMIT_BYTES} bytes (${name})`);
    const type = jobImageTypeOf(bytes);
    if (type === undefined) throw invalidField(field, data, `expected a file of one of the types ${JOB_IMAGE_TYPES.join(", ")} (${name})`);
    const digest = sha256(bytes);
    images.push({ name, type, bytes: bytes.length, sha256: digest });
    contents.set(digest, bytes);
  }
  const total = images.reduce((sum, { bytes }) => sum + bytes, 0);
  if (total <= JOB_IMAGES_LIMIT_BYTES) return { images, contents };
  const expected = `at most ${JOB_IMAGES_LIMIT_BYTES} bytes together`;
  throw new SlipwayError("INVALID_REQUEST", `images: expected ${expected}.`, { field: "images", value: `${total} bytes`, expected });
}
