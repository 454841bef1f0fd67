import { expect, test } from "vitest";
import { z } from "zod";
import { keysOf } from "../../scripts/docs/schema-keys.ts";

test("every key is told, with type, default and words, those of lists and of named things too", () => {
  const schema = z.strictObject({
    mode: z.enum(["a", "b"]).default("a").describe("Mode."),
    key: z.string().nullable().default(null).describe("Key."),
    open: z.boolean().default(false).describe("Open."),
    parts: z
      .array(z.strictObject({ size: z.int().min(1).max(9).describe("Size.") }))
      .default([])
      .describe("Parts."),
    makers: z
      .record(z.string(), z.strictObject({ share: z.number().positive().optional().describe("Share.") }))
      .default({ own: {} })
      .describe("Makers."),
  });
  expect(keysOf(schema)).toEqual([
    { key: "mode", type: "`a` or `b`", fallback: "`a`", description: "Mode." },
    { key: "key", type: "text or `null`", fallback: "`null`", description: "Key." },
    { key: "open", type: "`true` or `false`", fallback: "`false`", description: "Open." },
    { key: "parts", type: "list of mappings", fallback: "`[]`", description: "Parts." },
    { key: "parts[].size", type: "whole number from 1 to 9", fallback: "needed", description: "Size." },
    { key: "makers", type: "mapping", fallback: "`own`", description: "Makers." },
    { key: "makers.<name>.share", type: "number above 0", fallback: "", description: "Share." },
  ]);
});

test("a key without words is refused", () => {
  expect(() => keysOf(z.object({ mute: z.string() }))).toThrow("mute has no description");
});
