import { expect, test } from "vitest";
import { AnswerTap, framesOf } from "./answer-tap.ts";

test("a stream is cut into its events, byte for byte, whatever ends its lines", () => {
  const body = 'event: a\ndata: {"x":1}\n\n: ping\n\ndata: 2\r\n\r\ndata: [DONE]\n\nrest';
  const frames = framesOf(body);
  expect(frames).toEqual(['event: a\ndata: {"x":1}\n\n', ": ping\n\n", "data: 2\r\n\r\n", "data: [DONE]\n\n", "rest"]);
  expect(frames.join("")).toBe(body);
  expect(framesOf("")).toEqual([]);
});

test("a secret across the borders of pieces is masked, and characters across them stay whole", () => {
  const tap = new AnswerTap();
  tap.head(200, { "content-type": "text/event-stream; charset=utf-8", "retry-after": "20", "x-ratelimit-limit": "1", "openai-model": "m" });
  for (const byte of Buffer.from("data: é the-secret\n\n")) tap.data(Buffer.of(byte));
  const mask = (text: string): string => text.replaceAll("the-secret", "***");
  expect(tap.answer(mask, true)).toEqual({
    status: 200,
    headers: { "content-type": "text/event-stream; charset=utf-8", "openai-model": "m" },
    frames: ["data: é ***\n\n"],
    complete: true,
  });
});

test("without an answer there is none, and one that is too long is not kept", () => {
  const tap = new AnswerTap();
  expect(tap.answer(String, false)).toBeNull();
  tap.head(200, {});
  const piece = Buffer.alloc(1_048_576);
  for (let count = 0; count < 33; count += 1) tap.data(piece);
  expect(tap.answer(String, true)).toBeUndefined();
});
