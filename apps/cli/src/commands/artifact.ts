import { canonicalJson } from "@slipway/protocol/canonical-json";
import { SlipwayError } from "@slipway/protocol/errors";
import type { Screen } from "../terminal/screen.ts";
import { printable } from "../terminal/text.ts";
import type { CommonOptions } from "./options.ts";
import { withReader } from "./reading.ts";

/** Prints one artifact of a job, of its newest attempt that has it: piped, the very bytes; on a terminal, without what could take it over. NOT_FOUND. */
export async function printArtifact(screen: Screen, job: string, name: string, options: CommonOptions): Promise<void> {
  const bytes = Buffer.from(await withReader(options, ({ client }) => client.artifact(job, name)));
  const text = bytes.toString("utf8");
  const content = Buffer.from(text).equals(bytes) ? { encoding: "utf8", text } : { encoding: "base64", text: bytes.toString("base64") };
  screen.document({ job, name, bytes: bytes.length, ...content });
  if (!screen.json) process.stdout.write(process.stdout.isTTY ? printable(text) : bytes);
}

/** Prints one image of a job, by its place: piped, the very bytes; a terminal could show none. NOT_FOUND, JOB_IMAGE_MISSING. */
export async function printImage(screen: Screen, job: string, image: number, options: CommonOptions): Promise<void> {
  if (!screen.json && process.stdout.isTTY) {
    const hint = `Send it to a file: \`slipway show ${job} --image ${image} >FILE\`.`;
    throw new SlipwayError("INVALID_REQUEST", "--image: a terminal shows no images.", {
      field: "--image",
      value: image,
      expected: "output that is piped",
      hint,
    });
  }
  const bytes = Buffer.from(await withReader(options, ({ client }) => client.jobImage(job, image)));
  screen.document({ job, image, bytes: bytes.length, encoding: "base64", data: bytes.toString("base64") });
  if (!screen.json) process.stdout.write(bytes);
}

/** Prints the statement of a landed job: piped, the very bytes that are to be signed. NOT_FOUND. */
export async function printStatement(job: string, options: CommonOptions): Promise<void> {
  const text = canonicalJson(await withReader(options, ({ client }) => client.call("jobStatement", { params: { job } })));
  process.stdout.write(process.stdout.isTTY ? `${text}\n` : text);
}
