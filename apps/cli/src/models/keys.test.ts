import { chmod, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { gatewayConfigSchema } from "@slipway/protocol/gateway-config";
import { execa } from "execa";
import { afterEach, beforeEach, expect, test } from "vitest";
import { howToGiveKey, keyFile, missingKeys } from "./keys.ts";

let data: string;
beforeEach(async () => {
  data = await mkdtemp(join(tmpdir(), "slipway it's-"));
});
afterEach(async () => {
  delete process.env["SLIPWAY_TEST_KEY"];
  await rm(data, { recursive: true });
});

const config = gatewayConfigSchema.parse({
  providers: { own: { baseUrl: "http://127.0.0.1:9/v1" }, vendor: { baseUrl: "https://models.example/v1", key: "SLIPWAY_TEST_KEY" } },
});
const MISSING = [{ provider: "vendor", name: "SLIPWAY_TEST_KEY" }];

test("a key counts where the gateway would take it: from a file of its owner's alone, or from the environment", async () => {
  expect(await missingKeys(config, data)).toEqual(MISSING);
  process.env["SLIPWAY_TEST_KEY"] = "sk-1";
  expect(await missingKeys(config, data)).toEqual([]);
});

test("what is to be typed makes just that file, in a folder with a space and a quote in its name", async () => {
  const file = keyFile(data, "SLIPWAY_TEST_KEY");
  const [command = "", ...rest] = howToGiveKey(file).split("\n");
  expect(rest).toHaveLength(1);
  await execa(command, { shell: true, input: "sk-1\n" });
  expect(await readFile(file, "utf8")).toBe("sk-1\n");
  expect([(await stat(file)).mode & 0o777, (await stat(dirname(file))).mode & 0o777]).toEqual([0o600, 0o700]);
  expect(await missingKeys(config, data)).toEqual([]);
  await chmod(file, 0o644);
  expect(await missingKeys(config, data)).toEqual(MISSING);
  await chmod(file, 0o600);
  await writeFile(file, "");
  expect(await missingKeys(config, data)).toEqual(MISSING);
});
