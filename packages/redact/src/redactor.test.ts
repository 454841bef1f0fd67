import fc from "fast-check";
import { expect, test } from "vitest";
import { createMatcher, MASK, Redactor, redactJson, redactText } from "./redactor.ts";
import { secretPatterns } from "./secret-patterns.ts";

const matcherOf = (...secrets: string[]) => createMatcher(secretPatterns(secrets));

/** Feeds `bytes` in pieces cut at `cuts`. */
function stream(secrets: string[], bytes: Buffer, cuts: number[]): string {
  const redactor = new Redactor(matcherOf(...secrets));
  const borders = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  const parts = borders.slice(1).map((end, index) => Buffer.from(redactor.push(bytes.subarray(borders[index], end))));
  return Buffer.concat([...parts, redactor.end()]).toString("utf8");
}

/** Ways in which programs write a secret. */
const FORMS: Record<string, (secret: string) => string> = {
  plain: (secret) => secret,
  json: (secret) => JSON.stringify(secret).slice(1, -1),
  "json in ASCII": (secret) =>
    JSON.stringify(secret)
      .slice(1, -1)
      .replace(/[\u007f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`),
  "json with slashes": (secret) => JSON.stringify(secret).slice(1, -1).replaceAll("/", "\\/"),
  url: (secret) => encodeURIComponent(secret),
  "url in lower case": (secret) => encodeURIComponent(secret).replace(/%../g, (code) => code.toLowerCase()),
  form: (secret) => new URLSearchParams({ k: secret }).toString().slice(2),
  base64: (secret) =>
    Buffer.from(secret)
      .toString("base64")
      .replace(/=+$/, "")
      .slice(0, Math.floor((Buffer.byteLength(secret) * 4) / 3)),
  base64url: (secret) =>
    Buffer.from(secret)
      .toString("base64url")
      .slice(0, Math.floor((Buffer.byteLength(secret) * 4) / 3)),
  "wrapped base64": (secret) =>
    (
      Buffer.from(secret)
        .toString("base64url")
        .slice(0, Math.floor((Buffer.byteLength(secret) * 4) / 3))
        .match(/.{1,7}/g) ?? []
    ).join("\n"),
};

/** A secret as they are: no star, so that it cannot be put together from a mask. */
const secretText = fc
  .oneof(
    fc.string({ minLength: 6, maxLength: 40 }),
    fc.string({ minLength: 6, maxLength: 40, unit: "grapheme" }),
    fc.base64String({ minLength: 8, maxLength: 60 }),
  )
  .filter((secret) => secret.length >= 6 && !secret.includes("*") && secret.trim() === secret && secret.isWellFormed());

test("no form of a secret gets through, wherever the pieces are cut", () => {
  const around = fc.string({ maxLength: 30 });
  const cases = fc.record({
    secret: secretText,
    form: fc.constantFrom(...Object.keys(FORMS)),
    before: around,
    after: around,
    cuts: fc.array(fc.nat(), { maxLength: 12 }),
  });
  fc.assert(
    fc.property(cases, ({ secret, form, before, after, cuts }) => {
      const shown = FORMS[form]?.(secret) ?? "";
      const output = stream([secret], Buffer.from(before + shown + after), cuts);
      expect(output).toContain(MASK);
      expect(output).not.toContain(shown);
    }),
    { numRuns: 1_000 },
  );
});

test("a secret inside what is encoded as a whole gets through at no alignment", () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 9 }), secretText, fc.string({ maxLength: 9 }), (before, secret, after) => {
      const encoded = Buffer.from(before + secret + after).toString("base64");
      const output = redactText(matcherOf(secret), encoded);
      // What is left decodes to less than half of the secret.
      const left = output
        .split(MASK)
        .map((part) => Buffer.from(part, "base64").toString("latin1"))
        .join("");
      expect(left).not.toContain(secret);
      expect(output).toContain(MASK);
    }),
    { numRuns: 500 },
  );
});

test("what is no secret passes unchanged, however it is cut", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.array(fc.nat(), { maxLength: 8 }), (bytes, cuts) => {
      const redactor = new Redactor(matcherOf("hunter2!hunter2!"));
      const borders = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
      const parts = borders.slice(1).map((end, index) => Buffer.from(redactor.push(bytes.subarray(borders[index], end))));
      expect(Buffer.concat([...parts, redactor.end()])).toEqual(Buffer.from(bytes));
    }),
  );
});

test("the cuts do not change what comes out", () => {
  const letters = fc.string({ unit: fc.constantFrom("a", "b", "c"), minLength: 4, maxLength: 8 });
  fc.assert(
    fc.property(
      fc.array(letters, { minLength: 1, maxLength: 3 }),
      fc.string({ unit: fc.constantFrom("a", "b", "c"), maxLength: 60 }),
      fc.array(fc.nat()),
      (secrets, text, cuts) => {
        const whole = stream(secrets, Buffer.from(text), []);
        expect(stream(secrets, Buffer.from(text), cuts).replace(/(\*\*\*)+/g, MASK)).toBe(whole.replace(/(\*\*\*)+/g, MASK));
        for (const secret of secrets) expect(whole).not.toContain(secret);
      },
    ),
    { numRuns: 1_000 },
  );
});

test("overlapping secrets are masked whole", () => {
  expect(redactText(matcherOf("abcdef", "cdefgh"), "xabcdefghy")).toBe(`x${MASK}y`);
});

test("only what may still become a secret is held back", () => {
  const redactor = new Redactor(matcherOf("password1"));
  expect(Buffer.from(redactor.push(Buffer.from("Listening on port "))).toString()).toBe("Listening on port ");
  expect(Buffer.from(redactor.push(Buffer.from("pass"))).toString()).toBe("");
  expect(Buffer.from(redactor.push(Buffer.from("age"))).toString()).toBe("passage");
});

test("each line of a secret of several lines is masked on its own", () => {
  const key = "-----BEGIN KEY-----\nMIIEowIBAAKCAQEA\nabcdefghijklmnop\n-----END KEY-----\n";
  expect(redactText(matcherOf(key), "log: MIIEowIBAAKCAQEA\r\nlog: abcdefghijklmnop")).toBe(`log: ${MASK}\r\nlog: ${MASK}`);
});

test("values, keys and numbers of events are masked", () => {
  const value = { kind: "tool-call", data: { callId: "x", name: "http", input: { hunter2hunter2: [48151623, "hunter2hunter2!"], none: null } } };
  expect(JSON.stringify(redactJson(matcherOf("hunter2hunter2", "48151623"), value))).toBe(
    '{"kind":"tool-call","data":{"callId":"x","name":"http","input":{"***":["***","***!"],"none":null}}}',
  );
});

test("a repetitive secret in a repetitive flood takes bounded time", () => {
  const redactor = new Redactor(matcherOf("a".repeat(500)));
  const startedAt = performance.now();
  redactor.push(Buffer.from("a".repeat(20_000)));
  expect(performance.now() - startedAt).toBeLessThan(10_000);
});
