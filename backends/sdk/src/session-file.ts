import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { z } from "zod";

/**
 * What a backend keeps of a conversation between turns, as JSON in the job's home. The agent can write there: the schema says what may be believed of it,
 * such as that an id is no option of a command line.
 */
export class SessionFile<Schema extends z.ZodType> {
  readonly #name: string;
  readonly #schema: Schema;

  /** `name` is the backend's. */
  constructor(name: string, schema: Schema) {
    this.#name = name;
    this.#schema = schema;
  }

  /** What an earlier turn left; undefined where there is nothing, or nothing that can be believed: the caller begins anew, and says so. */
  async read(home: string): Promise<z.output<Schema> | undefined> {
    try {
      return this.#schema.parse(JSON.parse(await readFile(this.#path(home), "utf8")));
    } catch {
      // Missing or damaged is all one.
      return undefined;
    }
  }

  /** Whole or not at all. */
  async write(home: string, session: z.output<Schema>): Promise<void> {
    const file = this.#path(home);
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    await writeFile(`${file}.new`, JSON.stringify(session));
    await rename(`${file}.new`, file);
  }

  #path(home: string): string {
    return join(home, `.slipway/${this.#name}-session.json`);
  }
}
