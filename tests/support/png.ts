import { createHash } from "node:crypto";
import { crc32, deflateSync } from "node:zlib";

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
/** Eight bits for each of red, green and blue; no interlace. */
const FORM = [8, 2, 0, 0, 0];

/** A whole PNG (RFC 2083) of noise, which no program makes smaller; the same for the same seed. */
export function noisePng(width: number, height: number, seed: string): Buffer {
  const rows = Array.from({ length: height }, (_, row) => Buffer.concat([Buffer.from([0]), noise(width * 3, `${seed} ${row}`)]));
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set(FORM, 8);
  return Buffer.concat([SIGNATURE, chunk("IHDR", header), chunk("IDAT", deflateSync(Buffer.concat(rows))), chunk("IEND", Buffer.alloc(0))]);
}

function noise(bytes: number, seed: string): Buffer {
  return createHash("shake256", { outputLength: bytes }).update(seed).digest();
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  sum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, sum]);
}
