import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ENVIRONMENT_VARIABLES } from "./environment-variables.ts";

const ROOT = join(import.meta.dirname, "../../..");

/** Set by Slipway itself for what it starts, and for nobody else to set. */
const OWN = [
  "SLIPWAY_COMMANDS_OF",
  "SLIPWAY_JOB",
  "SLIPWAY_PORT_BASE",
  "SLIPWAY_PORT_COUNT",
  "SLIPWAY_SANDBOX",
  "SLIPWAY_SANDBOX_RUN",
  "SLIPWAY_PUSH_BELOW",
  "SLIPWAY_PUSH_REF",
  "SLIPWAY_PUSH_REF_IS",
];

/** Names in the sources of all parts, but for their tests. */
function namesInSources(): string[] {
  const files = globSync(["apps/*/src/**/*.ts", "backends/*/src/**/*.ts", "packages/*/src/**/*.ts"], { cwd: ROOT });
  const sources = files.filter((file) => !/\.test\.ts$|environment-variables/.test(file)).map((file) => readFileSync(join(ROOT, file), "utf8"));
  return [...new Set(sources.flatMap((text) => text.match(/\bSLIPWAY_[A-Z_]+/g) ?? []))].sort();
}

test("every variable that the sources name is in the table, and every one of the table is in the sources", () => {
  // Those of other programs that Slipway heeds are in the table too.
  const known = ENVIRONMENT_VARIABLES.map(({ name }) => name.replace("<NAME>", "")).filter((name) => name.startsWith("SLIPWAY_"));
  expect(namesInSources()).toEqual([...known, ...OWN].sort());
});
