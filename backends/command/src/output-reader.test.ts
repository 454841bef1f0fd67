import { type AgentEvent, agentEventSchema } from "@slipway/protocol/events";
import fc from "fast-check";
import { expect, test } from "vitest";
import { agentSchema } from "./config.ts";
import { OutputReader } from "./output-reader.ts";

const EVENTS = [
  { as: "session", when: { "/type": "start" }, id: "/session" },
  { as: "message", when: { "/type": "say" }, text: "/text" },
  { as: "tool-call", when: { "/type": "call" }, id: "/id", name: "/name", input: "/input" },
  { as: "tool-result", when: { "/type": "result" }, id: "/id", output: "/output", isError: "/failed" },
  { as: "usage", when: { "/type": "usage" }, inputTokens: "/in", outputTokens: "/out", costUsd: "/cost" },
  { as: "final", when: { "/type": "end" }, text: "/text" },
  { as: "error", when: { "/type": "error" }, message: "/text" },
];

function read(chunks: readonly Buffer[], given: Record<string, unknown> = { output: { format: "json-lines", events: EVENTS } }) {
  const events: AgentEvent[] = [];
  let finals = 0;
  const reader = new OutputReader({
    agent: agentSchema.parse({ command: ["agent"], ...given }),
    emit: (event) => events.push(event),
    log: () => {},
    onFinal: () => {
      finals += 1;
    },
    onTooMuch: () => {},
  });
  for (const chunk of chunks) reader.push(chunk);
  reader.end();
  return { reader, events, finals };
}

/** Any JSON at any place of an event that is known, and none. */
const anything = fc.jsonValue();
const line = fc.oneof(
  fc
    .record({ type: fc.constantFrom("start", "say", "call", "result", "usage", "end", "error", "unheard-of"), text: anything, id: anything, name: anything })
    .map((event) =>
      JSON.stringify({ ...event, session: event.text, input: event.id, output: event.name, failed: event.id, in: event.text, out: event.id, cost: event.name }),
    ),
  anything.map((value) => JSON.stringify(value) ?? ""),
  fc.string({ unit: "binary" }),
  fc.record({ text: anything }).map((value) => JSON.stringify(value).slice(0, -2)),
);

test("whatever comes in whatever pieces, what is told are events, and nothing throws", () => {
  fc.assert(
    fc.property(fc.array(line, { maxLength: 20 }), fc.integer({ min: 1, max: 60 }), fc.uint8Array({ maxLength: 40 }), (lines, size, noise) => {
      const bytes = Buffer.concat([Buffer.from(lines.join("\n")), Buffer.from("\n"), noise]);
      const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) => bytes.subarray(index * size, (index + 1) * size));
      for (const format of [undefined, { output: { format: "plain" } }]) for (const event of read(chunks, format).events) agentEventSchema.parse(event);
    }),
    { numRuns: 300 },
  );
});

test("a line of 10 MB is left out and told of once; the next one counts", () => {
  const long = `{"type":"say","text":"${"x".repeat(10_000_000)}"}\n`;
  const { reader, events, finals } = read([Buffer.from(long), Buffer.from('{"type":"end","text":"ok"}\n')]);
  expect(events).toEqual([{ kind: "notice", data: { level: "warning", text: expect.stringContaining("left out") } }]);
  expect([reader.final, finals, reader.isGarbled]).toEqual([{ text: "ok" }, 1, false]);
});

test("where there is room for such a line, its text is cut to what an event takes", () => {
  const output = { format: "json-lines", events: EVENTS };
  const { events } = read([Buffer.from(`{"type":"say","text":"${"x".repeat(10_000_000)}"}`)], { output, limits: { lineBytes: 16_777_216 } });
  expect(agentEventSchema.parse(events[0])).toMatchObject({ data: { text: expect.stringContaining("characters cut") } });
});

test("the last line counts without an end; half of one is no event", () => {
  expect(read([Buffer.from('{"type":"end"'), Buffer.from(',"text":"ä"}')]).reader.final).toEqual({ text: "ä" });
  const half = read([Buffer.from('{"type":"end"')]).reader;
  expect([half.final, half.isGarbled]).toEqual([undefined, true]);
});
