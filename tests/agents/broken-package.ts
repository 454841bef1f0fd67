import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { makeRepository, type TestRepository } from "../support/repository.ts";

const SPEC = "inherits@2.0.1"; // ISC
const FILE = "inherits.js";
const RIGHT = "require('util').inherits";

/** A published package with a test suite of its own, from the registry, as a repository whose main file is broken; its own tests are the gate. */
export async function brokenPackage(): Promise<TestRepository> {
  const dir = await mkdtemp(join(tmpdir(), "slipway-agents-"));
  await execa("npm", ["pack", SPEC, "--silent", "--pack-destination", dir], { cwd: dir });
  const [tarball] = await readdir(dir);
  await execa("tar", ["-xzf", String(tarball), "--strip-components=1"], { cwd: dir });
  await rm(join(dir, String(tarball)));
  const text = await readFile(join(dir, FILE), "utf8");
  if (!text.includes(RIGHT)) throw new Error(`${SPEC} has no ${RIGHT} in ${FILE}`);
  await writeFile(
    join(dir, FILE),
    text.replace(RIGHT, () => "function inherits() {}"),
  );
  await writeFile(join(dir, ".slipway.yaml"), JSON.stringify({ version: 1, gates: [{ name: "test", run: "node test", timeoutSeconds: 60 }], repairs: 2 }));
  return await makeRepository({}, dir);
}
