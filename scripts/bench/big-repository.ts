import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { createHubRepository, fetchUpstream } from "@slipway/git/hub";
import { execa } from "execa";

/** What a made repository has, besides many small files. */
export interface Shape {
  readonly files: number;
  /** Folders in folders. */
  readonly depth?: number;
  /** Files of 8 MiB that do not compress. */
  readonly bigFiles?: number;
}

const BIG_BYTES = 8 * 1024 ** 2;
const FILES_A_FOLDER = 50;

/** A repository that is made at once by `git fast-import`, and a hub beside it that has fetched it. */
export class BigRepository {
  readonly hub: string;
  readonly #source: string;
  readonly #shape: Shape;
  #commits = 0;

  private constructor(folder: string, shape: Shape) {
    this.hub = join(folder, "hub");
    this.#source = join(folder, "source");
    this.#shape = shape;
  }

  static async make(folder: string, shape: Shape): Promise<BigRepository> {
    const made = new BigRepository(folder, shape);
    await mkdir(made.#source, { recursive: true });
    await execa("git", ["init", "-q", "--bare", "-b", "main", made.#source]);
    await createHubRepository(made.hub, "bench");
    return made;
  }

  /** One commit more on main, with all files at first and then with these changed; answers its id. */
  async commit(changed: readonly number[] = []): Promise<string> {
    await execa("git", ["-C", this.#source, "fast-import", "--quiet"], { input: Readable.from(this.#stream(changed)) });
    await fetchUpstream(this.hub, this.#source, AbortSignal.timeout(600_000));
    return (await execa("git", ["-C", this.#source, "rev-parse", "main"])).stdout;
  }

  *#stream(changed: readonly number[]): Generator<string | Buffer> {
    const { files, bigFiles = 0 } = this.#shape;
    const isFirst = this.#commits === 0;
    this.#commits += 1;
    yield `commit refs/heads/main\ncommitter a <a@example.com> ${1_700_000_000 + this.#commits} +0000\ndata 1\nx\n`;
    if (!isFirst) yield "from refs/heads/main^0\n";
    for (const index of isFirst ? Array.from({ length: files }, (_, each) => each) : changed) {
      const text = `line of file ${index}, commit ${this.#commits}\n`.repeat(20);
      yield `M 100644 inline ${this.#pathOf(index)}\ndata ${Buffer.byteLength(text)}\n${text}\n`;
    }
    for (let index = 0; isFirst && index < bigFiles; index += 1) {
      yield `M 100644 inline big/${index}.bin\ndata ${BIG_BYTES}\n`;
      yield Buffer.from(crypto.getRandomValues(new Uint8Array(65_536)));
      for (let block = 1; block < BIG_BYTES / 65_536; block += 1) yield Buffer.from(crypto.getRandomValues(new Uint8Array(65_536)));
      yield "\n";
    }
  }

  #pathOf(index: number): string {
    const folder = Math.floor(index / FILES_A_FOLDER);
    const parts = Array.from({ length: this.#shape.depth ?? 2 }, (_, level) => `d${Math.floor(folder / 12 ** level) % 12}`);
    return [...parts, `m${folder}`, `f${index}.txt`].join("/");
  }
}
