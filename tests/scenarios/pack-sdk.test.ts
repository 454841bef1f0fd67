import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { parrot } from "../support/plugin-folder.ts";

const ROOT = join(import.meta.dirname, "../..");
const run = promisify(execFile);

const CHECK = `
  import { conformanceCases } from "@slipway/backend-sdk/conformance";
  import { backend } from "./backend.js";
  const turns = { ok: { config: {} }, endless: { config: {} }, wrongConfigs: [{ config: { lout: true }, field: "lout" }] };
  const outcomes = [];
  for (const { name, run } of conformanceCases(backend, turns)) outcomes.push([name, await run().then(() => "ok", (error) => error.message)]);
  console.log(JSON.stringify(Object.fromEntries(outcomes)));
  process.exit();`;

test("the packed SDK is all that a backend outside of this repository needs, in JavaScript", { timeout: 180_000 }, async () => {
  const project = await mkdtemp(join(tmpdir(), "slipway-author-"));
  try {
    const { stdout } = await run(process.execPath, [join(ROOT, "scripts/pack-sdk.ts"), project]);
    const tarballs = stdout.trim().split("\n");
    expect(tarballs).toHaveLength(3);
    for (const [index, name] of ["protocol", "backend-sdk"].entries()) {
      const folder = join(project, "node_modules/@slipway", name);
      await mkdir(folder, { recursive: true });
      await run("tar", ["-xzf", tarballs[index] ?? "", "--strip-components=1", "-C", folder]);
    }
    // What npm would fetch beside.
    for (const name of ["zod", "uuidv7", "ws", "yaml"]) await symlink(join(ROOT, "node_modules", name), join(project, "node_modules", name));
    await writeFile(join(project, "package.json"), '{ "type": "module" }');
    await writeFile(join(project, "backend.js"), parrot("parrot"));
    await writeFile(join(project, "check.js"), CHECK);
    const outcomes = JSON.parse((await run(process.execPath, ["check.js"], { cwd: project })).stdout.trim().split("\n").at(-1) ?? "") as Record<string, string>;
    expect(outcomes).toMatchObject({
      "its manifest is valid and survives JSON": "ok",
      "a wrong configuration names the field lout": "ok",
      "a turn ends done, with valid events and none after the end": "ok",
      // It has no endless turn, which the suite is to notice.
      "an abort ends the turn within a second": expect.stringContaining("ended before it was aborted"),
    });
  } finally {
    await rm(project, { recursive: true });
  }
});
