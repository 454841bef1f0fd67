import { LOG_CHUNK_INTERVAL_MS, LOG_CHUNK_LIMIT_BYTES } from "@slipway/protocol/events";
import fc from "fast-check";
import { expect, test } from "vitest";
import { type LogChunk, LogChunker } from "./log-chunker.ts";

function chunksOf(parts: Uint8Array[]): LogChunk[] {
  const chunks: LogChunk[] = [];
  const chunker = new LogChunker("stdout", (chunk) => chunks.push(chunk));
  for (const part of parts) chunker.push(part);
  chunker.end();
  return chunks;
}

const joined = (chunks: LogChunk[]): Buffer => Buffer.concat(chunks.map((chunk) => Buffer.from(chunk.text, chunk.encoding)));

test("chunks join to what was pushed, with offsets that say where they are", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 40_000 }), { maxLength: 5 }), (parts) => {
      const chunks = chunksOf(parts);
      expect(joined(chunks)).toEqual(Buffer.concat(parts));
      let offset = 0;
      for (const chunk of chunks) {
        expect(chunk.offset).toBe(offset);
        const length = Buffer.from(chunk.text, chunk.encoding).length;
        expect(length).toBeLessThanOrEqual(LOG_CHUNK_LIMIT_BYTES);
        offset += length;
      }
    }),
    { numRuns: 100 },
  );
});

test("text is never cut inside a character, wherever the pieces are", () => {
  const text = Buffer.from("aé☃🚢".repeat(9_000));
  const parts = Array.from({ length: Math.ceil(text.length / 7) }, (_, index) => text.subarray(index * 7, index * 7 + 7));
  const chunks = chunksOf(parts);
  expect(chunks.every((chunk) => chunk.encoding === "utf8" && !chunk.text.includes("\ufffd"))).toBe(true);
  expect(joined(chunks)).toEqual(text);
});

test("what is not UTF-8 goes as base64", () => {
  expect(chunksOf([Buffer.from([0xff, 0xfe, 65])])).toEqual([{ stream: "stdout", offset: 0, text: "//5B", encoding: "base64" }]);
});

test("what came within the interval goes out by itself", async () => {
  const startedAt = performance.now();
  const chunk = await new Promise<LogChunk>((resolve) => {
    const chunker = new LogChunker("stderr", resolve);
    chunker.push(Buffer.from("a"));
    chunker.push(Buffer.from("b"));
  });
  expect(chunk.text).toBe("ab");
  expect(performance.now() - startedAt).toBeGreaterThanOrEqual(LOG_CHUNK_INTERVAL_MS - 2);
});
