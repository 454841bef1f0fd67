import { expect, test } from "vitest";
import { jobImageFile, jobImageNameSchema, jobImageTypeOf } from "./job-images.ts";

const text = (value: string): Uint8Array => Uint8Array.from(value, (character) => character.charCodeAt(0));

test.each([
  ["\x89PNG\r\n\x1a\n", "image/png"],
  ["\xff\xd8\xff\xe0", "image/jpeg"],
  ["GIF87a", "image/gif"],
  ["GIF89a", "image/gif"],
  ["RIFF\x10\0\0\0WEBPVP8 ", "image/webp"],
  ["RIFF\x10\0\0\0WAVEfmt ", undefined],
  ["GIF88a", undefined],
  ["\x89PNG\n\x1a\n", undefined],
  ["<svg xmlns=", undefined],
  ["\xff\xd8", undefined],
  ["", undefined],
] as const)("%j is %s by how it begins", (bytes, type) => {
  expect(jobImageTypeOf(text(bytes))).toBe(type);
});

test("a file's name has its place, what is plain of its own name, and the ending of what it is", () => {
  expect(jobImageFile(1, { name: "shot.png", type: "image/png" })).toBe("1-shot.png");
  expect(jobImageFile(2, { name: "Bildschirmfoto 2026, 11.28 (ü).PNG", type: "image/jpeg" })).toBe("2-Bildschirmfoto-2026-11-28.jpg");
  expect(jobImageFile(10, { name: "..", type: "image/webp" })).toBe("10.webp");
  expect(jobImageFile(3, { name: `${"x".repeat(199)}.`, type: "image/gif" })).toBe(`3-${"x".repeat(60)}.gif`);
});

test("a name is one line and no path", () => {
  for (const name of ["a.png", "Grüße ☃.png", "--help", "..."]) expect(jobImageNameSchema.safeParse(name).success, name).toBe(true);
  for (const name of ["", "a/b.png", "a\\b.png", "a\nb.png", "a\u2028b", "a\u0085b", "\u001b[31m", "x".repeat(201)])
    expect(jobImageNameSchema.safeParse(name).success, JSON.stringify(name)).toBe(false);
});
