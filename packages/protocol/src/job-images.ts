import { z } from "zod";
import { sha256Schema } from "./scalars.ts";

/** Pictures that go with a job's task. What containers start from are images too, and of another kind: these are always called a job's. */

/** The kinds that models take. What an image is, is told by its first bytes and never by its name. */
export const JOB_IMAGE_TYPES = ["image/png", "image/jpeg", "image/gif", "image/webp"] as const;
export type JobImageType = (typeof JOB_IMAGE_TYPES)[number];

/** Of one job. */
export const JOB_IMAGES_MAX = 10;
/** Of one image, in bytes. */
export const JOB_IMAGE_LIMIT_BYTES = 5_242_880;
/** Of all images of a job together, in bytes; as base64 they are a third more, in each request to the model. */
export const JOB_IMAGES_LIMIT_BYTES = 20_971_520;

/** What an image is called, for people and for the agent: one line, and no path. */
export const jobImageNameSchema = z
  .string()
  .regex(/^[^\p{Cc}\u2028\u2029/\\]{1,200}$/u, "expected a file's name without folders, of one line and at most 200 characters");

/** An image as a submitter sends it. */
export const submittedImageSchema = z.strictObject({
  name: jobImageNameSchema.describe("What it is called, such as `shot.png`."),
  data: z
    .string()
    .min(1)
    .max(Math.ceil(JOB_IMAGE_LIMIT_BYTES / 3) * 4, `expected at most ${JOB_IMAGE_LIMIT_BYTES} bytes, as base64`)
    .describe("A PNG, JPEG, GIF or WebP file in base64 (RFC 4648, with its padding), of at most 5 MiB."),
});
export type SubmittedImage = z.infer<typeof submittedImageSchema>;

/** An image of a job as the API tells of it; its bytes are asked for by its place in the list, from 1 (`getJobImage`). */
export const jobImageSchema = z.object({
  name: z.string(),
  type: z.enum(JOB_IMAGE_TYPES),
  bytes: z.int().positive(),
  sha256: sha256Schema,
});
export type JobImage = z.infer<typeof jobImageSchema>;

/** How the files of these types begin; `null` stands for any byte. PNG (RFC 2083), JPEG (ITU T.81), GIF (87a, 89a), WebP (RFC 9649). */
const BEGINNINGS: ReadonlyArray<readonly [JobImageType, ReadonlyArray<number | null>]> = [
  ["image/png", [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]],
  ["image/jpeg", [0xff, 0xd8, 0xff]],
  ["image/gif", [0x47, 0x49, 0x46, 0x38, 0x37, 0x61]],
  ["image/gif", [0x47, 0x49, 0x46, 0x38, 0x39, 0x61]],
  ["image/webp", [0x52, 0x49, 0x46, 0x46, null, null, null, null, 0x57, 0x45, 0x42, 0x50]],
];

/** What these bytes are, by how they begin; undefined where they are none of the types. */
export function jobImageTypeOf(bytes: Uint8Array): JobImageType | undefined {
  const isBegunBy = (beginning: ReadonlyArray<number | null>): boolean => beginning.every((byte, at) => byte === null || bytes[at] === byte);
  return BEGINNINGS.find(([, beginning]) => isBegunBy(beginning))?.[0];
}

const EXTENSIONS: Readonly<Record<JobImageType, string>> = { "image/png": "png", "image/jpeg": "jpg", "image/gif": "gif", "image/webp": "webp" };

/** The name of the file that an agent finds: `place`, from 1, then what of the image's own name is plain, and the ending of its type. */
export function jobImageFile(place: number, { name, type }: Pick<JobImage, "name" | "type">): string {
  const stem = name
    .replace(/\.[^.]*$/, "")
    .replace(/[^A-Za-z0-9_-]+/g, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, 60);
  return `${[place, ...(stem === "" ? [] : [stem])].join("-")}.${EXTENSIONS[type]}`;
}
