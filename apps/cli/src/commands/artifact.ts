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
