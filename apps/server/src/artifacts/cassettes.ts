import { createHash, type Hash } from "node:crypto";
import { CASSETTE_FILE, CASSETTE_LIMIT_BYTES, type CassetteCall, cassetteCallSchema } from "@slipway/protocol/cassette";
import { SlipwayError } from "@slipway/protocol/errors";
import type { ArtifactFolder } from "./artifact-folder.ts";

/** Cassettes whose state is remembered; of others it is read from their files again. */
const OPEN_LIMIT = 32;

/** What is known of a cassette that grows. */
interface Open {
  readonly hash: Hash;
  readonly ids: Set<string>;
  bytes: number;
}

/** The cassettes of recorded attempts, artifacts that grow by a line a call. */
export class Cassettes {
  readonly #artifacts: ArtifactFolder;
  readonly #open = new Map<string, Promise<Open>>();
  /** The newest write of each cassette: one at a time. */
  readonly #writes = new Map<string, Promise<unknown>>();

  constructor(artifacts: ArtifactFolder) {
    this.#artifacts = artifacts;
  }

  /** Adds a call, durably; one that is there already changes nothing. Answers what the artifact is then. PAYLOAD_TOO_LARGE where it has no room for the call. */
  async add(jobId: string, fence: number, call: CassetteCall): Promise<{ name: string; bytes: number; sha256: string }> {
    const key = `${jobId}/${fence}`;
    const before = this.#writes.get(key) ?? Promise.resolve();
    const write = before.then(() => this.#append(key, jobId, fence, call));
    const settled = write.catch(() => undefined); // The caller gets it; who comes next only waits.
    this.#writes.set(key, settled);
    try {
      return await write;
    } finally {
      if (this.#writes.get(key) === settled) this.#writes.delete(key);
    }
  }

  /** The calls of a cassette. NOT_FOUND. */
  async read(jobId: string, fence: number): Promise<CassetteCall[]> {
    const text = (await this.#artifacts.read(jobId, fence, CASSETTE_FILE)).toString("utf8");
    return wholeLines(text).map((line) => cassetteCallSchema.parse(JSON.parse(line)));
  }

  async #append(key: string, jobId: string, fence: number, call: CassetteCall): Promise<{ name: string; bytes: number; sha256: string }> {
    const open = await this.#opened(key, jobId, fence);
    if (!open.ids.has(call.callId)) {
      const line = Buffer.from(`${JSON.stringify(call)}\n`);
      if (open.bytes + line.length > CASSETTE_LIMIT_BYTES) {
        throw new SlipwayError("PAYLOAD_TOO_LARGE", "The cassette is full: this call and those after it are not kept.", { limitBytes: CASSETTE_LIMIT_BYTES });
      }
      try {
        await this.#artifacts.writeFrom(jobId, fence, CASSETTE_FILE, open.bytes, line);
      } catch (error) {
        this.#open.delete(key); // How much of it was written the file knows.
        throw error;
      }
      open.ids.add(call.callId);
      open.hash.update(line);
      open.bytes += line.length;
    }
    return { name: CASSETTE_FILE, bytes: open.bytes, sha256: open.hash.copy().digest("hex") };
  }

  async #opened(key: string, jobId: string, fence: number): Promise<Open> {
    let open = this.#open.get(key);
    if (!open) {
      open = this.#readState(jobId, fence);
      this.#open.set(key, open);
      const [oldest] = this.#open.keys();
      if (this.#open.size > OPEN_LIMIT && oldest !== undefined && oldest !== key) this.#open.delete(oldest);
    }
    return await open;
  }

  /** Of a file that a crash left with half a line, what is whole. */
  async #readState(jobId: string, fence: number): Promise<Open> {
    const hash = createHash("sha256");
    const text = await this.#artifacts.read(jobId, fence, CASSETTE_FILE).then(String, (error: unknown) => {
      if (error instanceof SlipwayError && error.code === "NOT_FOUND") return "";
      throw error;
    });
    const lines = wholeLines(text);
    let bytes = 0;
    for (const line of lines) {
      hash.update(`${line}\n`);
      bytes += Buffer.byteLength(line) + 1;
    }
    return { hash, bytes, ids: new Set(lines.map((line) => (JSON.parse(line) as CassetteCall).callId)) };
  }
}

function wholeLines(text: string): string[] {
  return text.split("\n").slice(0, -1);
}
