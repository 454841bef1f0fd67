import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { z } from "zod";

/** Totals of a thread as Codex counts them: all its turns together. */
export const threadUsageSchema = z.object({
  input_tokens: z.int().nonnegative().default(0),
  cached_input_tokens: z.int().nonnegative().default(0),
  output_tokens: z.int().nonnegative().default(0),
  reasoning_output_tokens: z.int().nonnegative().default(0),
});
export type ThreadUsage = z.output<typeof threadUsageSchema>;

export const NO_USAGE: ThreadUsage = threadUsageSchema.parse({});

/** A UUID, so that what stands in an agent's file is never an option of the command line. */
const threadIdSchema = z.uuid();

const sessionSchema = z.object({ threadId: threadIdSchema, usage: threadUsageSchema });
/** The conversation that later turns go on with. */
export type Session = z.output<typeof sessionSchema>;

function sessionFile(home: string): string {
  return join(home, ".slipway/codex-session.json");
}

/** The session that an earlier turn left; undefined where there is none, or none that can be read. */
export async function readSession(home: string): Promise<Session | undefined> {
  try {
    return sessionSchema.parse(JSON.parse(await readFile(sessionFile(home), "utf8")));
  } catch {
    // Missing or damaged is all one: the caller starts a new thread and says so.
    return undefined;
  }
}

/** Whole or not at all. */
export async function writeSession(home: string, session: Session): Promise<void> {
  const file = sessionFile(home);
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  await writeFile(`${file}.new`, JSON.stringify(session));
  await rename(`${file}.new`, file);
}
