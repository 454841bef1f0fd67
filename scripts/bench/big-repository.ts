import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { createHubRepository } from "@slipway/git/hub";
import { fetchUpstream } from "@slipway/git/upstream";
import { execa } from "execa";

/** What a made repository has, besides many small files. */
export interface Shape {
  readonly files: number;
  /** Folders in folders. */
  readonly depth?: number;
  /** Files that do not compress, of this size: 8 MiB where it is missing. */
  readonly bigFiles?: number;
  readonly bigBytes?: number;
  /** Links to commits of other repositories. */
  readonly submodules?: number;
}

const BIG_BYTES = 8 * 1024 ** 2;
const BLOCK_BYTES = 65_536;
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
    const { files, bigFiles = 0, bigBytes = BIG_BYTES, submodules = 0 } = this.#shape;
    const isFirst = this.#commits === 0;
    this.#commits += 1;
    yield `commit refs/heads/main\ncommitter a <a@example.com> ${1_700_000_000 + this.#commits} +0000\ndata 1\nx\n`;
    if (!isFirst) yield "from refs/heads/main^0\n";
    for (const index of isFirst ? Array.from({ length: files }, (_, each) => each) : changed) {
      const text = `line of file ${index}, commit ${this.#commits}\n`.repeat(20);
      yield `M 100644 inline ${this.#pathOf(index)}\ndata ${Buffer.byteLength(text)}\n${text}\n`;
    }
    for (let index = 0; isFirst && index < bigFiles; index += 1) {
      yield `M 100644 inline big/${index}.bin\ndata ${bigBytes}\n`;
      for (let left = bigBytes; left > 0; left -= BLOCK_BYTES) yield Buffer.from(crypto.getRandomValues(new Uint8Array(Math.min(left, BLOCK_BYTES))));
      yield "\n";
    }
    if (isFirst && submodules > 0) yield* submodulesOf(submodules);
  }

  #pathOf(index: number): string {
    const folder = Math.floor(index / FILES_A_FOLDER);
    const parts = Array.from({ length: this.#shape.depth ?? 2 }, (_, level) => `d${Math.floor(folder / 12 ** level) % 12}`);
    return [...parts, `m${folder}`, `f${index}.txt`].join("/");
  }
}

function* submodulesOf(count: number): Generator<string> {
  const names = Array.from({ length: count }, (_, index) => `modules/m${index}`);
  const text = names.map((name) => `[submodule "${name}"]\n\tpath = ${name}\n\turl = https://git.example.org/${name}.git\n`).join("");
  yield `M 100644 inline .gitmodules\ndata ${Buffer.byteLength(text)}\n${text}\n`;
  for (const [index, name] of names.entries()) yield `M 160000 ${index.toString(16).padStart(40, "a")} ${name}\n`;
}
