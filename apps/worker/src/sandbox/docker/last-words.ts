import type { Readable } from "node:stream";
import { readFrames } from "./frames.ts";

const KEPT_BYTES = 2_048;

/** The end of what a container says, while its worker listens. */
export class LastWords {
  #kept = Buffer.alloc(0);

  constructor(streams: Readable) {
    readFrames(streams, (_, bytes) => {
      this.#kept = Buffer.concat([this.#kept, bytes]).subarray(-KEPT_BYTES);
    });
  }

  text(): string {
    return this.#kept.toString("utf8").trim();
  }
}
