import type { Readable } from "node:stream";

const HEADER_BYTES = 8;

/**
 * Takes the two outputs of a container apart, in the order of their arrival: frames of a byte that names the stream, three of nothing, and a length in four
 * bytes, as the engine's API describes them under "attach to a container".
 */
export function readFrames(streams: Readable, onPart: (name: "stdout" | "stderr", bytes: Buffer) => void): void {
  let header = Buffer.alloc(0);
  let name: "stdout" | "stderr" = "stdout";
  let leftBytes = 0;
  streams.on("data", (chunk: Buffer) => {
    let rest = chunk;
    while (rest.length > 0) {
      if (leftBytes === 0) {
        const missing = HEADER_BYTES - header.length;
        header = Buffer.concat([header, rest.subarray(0, missing)]);
        rest = rest.subarray(missing);
        if (header.length < HEADER_BYTES) return;
        name = header[0] === 2 ? "stderr" : "stdout";
        leftBytes = header.readUInt32BE(4);
        header = Buffer.alloc(0);
        continue;
      }
      const part = rest.subarray(0, leftBytes);
      leftBytes -= part.length;
      rest = rest.subarray(part.length);
      onPart(name, part);
    }
  });
}
