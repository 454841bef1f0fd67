import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import fc from "fast-check";
import { expect, test } from "vitest";
import { readCgiHead } from "./cgi.ts";

const head = "Status: 403 Forbidden\r\nContent-Type: text/x-git\r\nCache-Control: no-cache\r\n\r\n";

test("head and body come apart, however the stream is cut", async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 50 }), fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 10 }), async (body, sizes) => {
      const bytes = Buffer.concat([Buffer.from(head), body]);
      const chunks: Buffer[] = [];
      for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
        const size = sizes[turn % sizes.length] ?? 1;
        chunks.push(bytes.subarray(at, at + size));
        at += size;
      }
      const stream = Readable.from(chunks, { objectMode: false });
      const read = await readCgiHead(stream);
      expect(read).toMatchObject({ status: 403, headers: { "content-type": "text/x-git", "cache-control": "no-cache" } });
      expect(Buffer.concat([read?.rest ?? Buffer.alloc(0), await buffer(stream)])).toEqual(Buffer.from(body));
    }),
  );
});

test("no status is 200, no head is none", async () => {
  expect(await readCgiHead(Readable.from([Buffer.from("A: b\n\nrest")], { objectMode: false }))).toMatchObject({ status: 200, headers: { a: "b" } });
  expect(await readCgiHead(Readable.from([Buffer.from("A: b\n")], { objectMode: false }))).toBeUndefined();
  expect(await readCgiHead(Readable.from([], { objectMode: false }))).toBeUndefined();
});
