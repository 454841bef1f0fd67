import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Manifest, manifestSchema } from "@slipway/protocol/manifest";
import { afterEach, beforeEach, expect, test } from "vitest";
import { BackendSecrets, takeSecretVariables } from "./backend-secrets.ts";

const rest = { manifestVersion: 1, version: "1", summary: "", configSchema: {}, image: {} };
const capabilities = { resume: false, usage: false, plan: false, model: false };
const manifest = (name: string, secrets: Manifest["secrets"]): Manifest => manifestSchema.parse({ ...rest, capabilities, name, secrets });
const MANIFESTS = [
  manifest("needy", [
    { name: "KEY", required: true, hint: "Make one." },
    { name: "EXTRA", required: false, hint: "Any." },
  ]),
  manifest("free", []),
];

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "slipway-secrets-"));
});
afterEach(async () => await rm(folder, { recursive: true }));

const withVariables = (values: Record<string, string> = {}) => new BackendSecrets({ folder, variables: new Map(Object.entries(values)), manifests: MANIFESTS });

test("a file wins over a variable, is read anew each time, and only what the backend names is passed", async () => {
  const secrets = withVariables({ KEY: "from the variable", OTHER: "other" });
  expect(await secrets.read("needy")).toEqual({ KEY: "from the variable" });
  await writeFile(join(folder, "KEY"), "from the file\n", { mode: 0o600 });
  await writeFile(join(folder, "EXTRA"), "more", { mode: 0o600 });
  await writeFile(join(folder, "UNNAMED"), "unnamed", { mode: 0o600 });
  expect(await secrets.read("needy")).toEqual({ KEY: "from the file", EXTRA: "more" });
  await writeFile(join(folder, "KEY"), "replaced\n");
  expect(await secrets.read("needy")).toEqual({ KEY: "replaced", EXTRA: "more" });
  expect(await secrets.read("free")).toEqual({});
  expect(await secrets.read("unknown")).toEqual({});
});

test("a required one that is missing is told with all that helps; what is there can be had all the same", async () => {
  const secrets = withVariables({ EXTRA: "more" });
  const details = { secret: "KEY", backend: "needy", about: "Make one.", file: join(folder, "KEY"), variable: "SLIPWAY_SECRET_KEY" };
  await expect(secrets.read("needy")).rejects.toMatchObject({ code: "SECRET_MISSING", details, hint: expect.stringContaining("slipway retry") });
  expect(await secrets.find("needy")).toMatchObject({ values: { EXTRA: "more" }, missing: { code: "SECRET_MISSING" } });
});

test("one that is there and cannot be used is told also where the backend could do without", async () => {
  await writeFile(join(folder, "EXTRA"), "more");
  await chmod(join(folder, "EXTRA"), 0o644);
  await expect(withVariables({ KEY: "key" }).read("needy")).rejects.toMatchObject({ code: "SECRET_MISSING", details: { secret: "EXTRA" } });
});

test("the variables are taken out of the environment, so that no child has them", () => {
  const env = { PATH: "/bin", SLIPWAY_SECRET_KEY: "key", SLIPWAY_SECRET_EMPTY: "", SLIPWAY_BACKENDS: "/b" };
  expect(takeSecretVariables(env)).toEqual(new Map([["KEY", "key"]]));
  expect(env).toEqual({ PATH: "/bin", SLIPWAY_BACKENDS: "/b" });
});

test("what a job's MCP servers name is found beside, and is required", async () => {
  const secrets = withVariables({ KEY: "own", MCP_TRACKER: "tracker" });
  expect(await secrets.read("needy", ["MCP_TRACKER"])).toEqual({ KEY: "own", MCP_TRACKER: "tracker" });
  expect(await secrets.read("free")).toEqual({});
  await expect(secrets.read("free", ["MCP_OTHER"])).rejects.toMatchObject({ code: "SECRET_MISSING", details: { secret: "MCP_OTHER" } });
});
