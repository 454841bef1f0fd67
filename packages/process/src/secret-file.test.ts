import { execFile } from "node:child_process";
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, test } from "vitest";
import { provideSecret, readSecretFile } from "./secret-file.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "slipway-secrets-"));
});
afterEach(async () => await rm(folder, { recursive: true }));

async function secret(content: string | Uint8Array, mode = 0o600): Promise<string> {
  const path = join(folder, "EXAMPLE_TOKEN");
  await writeFile(path, content);
  await chmod(path, mode);
  return path;
}

test.each([
  ["plain", "plain"],
  ["with a newline\n", "with a newline"],
  ["from Windows\r\n", "from Windows"],
  ["two\n\n", "two\n"],
  [" with spaces \n", " with spaces "],
  ["-----BEGIN KEY-----\nabc\n-----END KEY-----\n", "-----BEGIN KEY-----\nabc\n-----END KEY-----"],
  ["pässwörd", "pässwörd"],
  ["", undefined],
  ["\n", undefined],
])("%j is read as %j", async (content, expected) => {
  expect(await readSecretFile(await secret(content))).toBe(expected);
});

test("a file that is not there, nor its folder, is no secret", async () => {
  expect(await readSecretFile(join(folder, "NONE"))).toBeUndefined();
  expect(await readSecretFile(join(await secret("a file"), "NONE"))).toBeUndefined();
});

test.each([0o640, 0o604, 0o620, 0o666])("one that others can read or write is refused, with what to type: %o", async (mode) => {
  const path = await secret("s3cr3t-value", mode);
  const error = await readSecretFile(path).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: "SECRET_MISSING", hint: `Type \`chmod 600 ${path}\`.`, message: expect.stringContaining(`mode 0${mode.toString(8)}`) });
  expect((error as Error).message).toContain(path);
  expect(JSON.stringify(error)).not.toContain("s3cr3t-value");
  await chmod(path, 0o600);
  expect(await readSecretFile(path)).toBe("s3cr3t-value");
});

test("what is no text, too long, a folder or a pipe is refused with its reason", async () => {
  await expect(readSecretFile(await secret(Uint8Array.of(0xff, 0xfe)))).rejects.toMatchObject({ message: expect.stringContaining("not UTF-8") });
  await expect(readSecretFile(await secret("a\0b"))).rejects.toMatchObject({ message: expect.stringContaining("zero byte") });
  await expect(readSecretFile(await secret("x".repeat(65_537)))).rejects.toMatchObject({ message: expect.stringContaining("65537 bytes") });
  await mkdir(join(folder, "FOLDER"), { mode: 0o700 });
  await expect(readSecretFile(join(folder, "FOLDER"))).rejects.toMatchObject({ message: expect.stringContaining("no file") });
  await promisify(execFile)("mkfifo", ["-m", "600", join(folder, "PIPE")]);
  await expect(readSecretFile(join(folder, "PIPE"))).rejects.toMatchObject({ message: expect.stringContaining("no file") });
});

test("what is said to be typed makes a file that is taken, in a folder of any name", async () => {
  const odd = join(folder, "a b's", "worker");
  const said = provideSecret(odd, "EXAMPLE_TOKEN").replace(/, then paste.*/, "");
  const shell = promisify(execFile)("sh", ["-c", said]);
  shell.child.stdin?.end("pasted\n");
  await shell;
  expect(await readFile(join(odd, "EXAMPLE_TOKEN"), "utf8")).toBe("pasted\n");
  expect(await readSecretFile(join(odd, "EXAMPLE_TOKEN"))).toBe("pasted");
});
