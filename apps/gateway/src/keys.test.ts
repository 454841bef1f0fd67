import { chmod, mkdir, mkdtemp, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Keys } from "./keys.ts";

let data: string;

beforeEach(async () => {
  data = await mkdtemp(join(tmpdir(), "slipway-keys-"));
  await mkdir(join(data, "secrets/gateway"), { recursive: true });
});
afterEach(() => rm(data, { recursive: true }));

async function write(name: string, value: string, mode = 0o600): Promise<string> {
  const path = join(data, "secrets/gateway", name);
  await writeFile(path, value, { mode });
  await chmod(path, mode);
  return path;
}

test("a file wins over the environment, which loses what was taken from it", async () => {
  const keys = new Keys(data);
  const environment: NodeJS.ProcessEnv = { A_KEY: "from-env", B_KEY: "other", HOME: "/h" };
  keys.takeFromEnvironment(["A_KEY", "B_KEY"], environment);
  expect(environment).toEqual({ HOME: "/h" });
  expect(keys.get("A_KEY")).toEqual({ value: "from-env", from: "environment" });
  const path = await write("A_KEY", "from-file\n");
  expect(keys.get("A_KEY")).toEqual({ value: "from-file", from: path });
  expect(keys.get("B_KEY").value).toBe("other");
});

test("a changed file is read again", async () => {
  const keys = new Keys(data);
  await write("A_KEY", "one");
  expect(keys.get("A_KEY").value).toBe("one");
  const path = await write("A_KEY", "two");
  await utimes(path, 1, 2);
  expect(keys.get("A_KEY").value).toBe("two");
});

test.each([
  ["nowhere", async () => undefined, "The key A_KEY is missing."],
  ["readable for others", () => write("A_KEY", "x", 0o644), "found mode 0644"],
  ["readable for the group", () => write("A_KEY", "x", 0o640), "found mode 0640"],
  ["empty", () => write("A_KEY", "\n"), "found nothing"],
  ["two lines", () => write("A_KEY", "a\nb\n"), "visible ASCII"],
  ["a folder", () => mkdir(join(data, "secrets/gateway/A_KEY")), "found something else"],
])("a key that is %s is SECRET_MISSING", async (_, prepare, message) => {
  await prepare();
  const error = expect.objectContaining({ code: "SECRET_MISSING", message: expect.stringContaining(message) });
  expect(() => new Keys(data).get("A_KEY")).toThrow(error);
});

test("the refusal of an open file says what to run", async () => {
  const path = await write("A_KEY", "x", 0o644);
  expect(() => new Keys(data).get("A_KEY")).toThrow(expect.objectContaining({ hint: expect.stringContaining(`chmod 600 ${path}`) }));
});
