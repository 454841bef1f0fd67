import { cp, mkdtemp, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RUNNER_LABEL, runnerDigest } from "@slipway/process/runner-digest";
import { execa } from "execa";
import { testImage } from "../support/docker-image.ts";

const ROOT = join(import.meta.dirname, "..", "..");

/** This checkout with the malicious runner in place of its own. To be removed by the caller. */
export async function makeHostileInstallation(): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), "slipway-hostile-"));
  for (const app of ["server", "worker", "integrator", "runner"]) await cp(join(ROOT, "apps", app), join(root, "apps", app), { recursive: true });
  for (const shared of ["packages", "backends", "node_modules"]) await symlink(join(ROOT, shared), join(root, shared));
  const main = join(root, "apps/runner/src/main.ts");
  await rename(main, join(root, "apps/runner/src/sound-main.ts"));
  await cp(join(import.meta.dirname, "hostile-runner.ts"), main);
  return root;
}

/** The name of an image with the malicious runner of that installation; the same sources give the same image. */
export async function makeHostileImage(installation: string): Promise<string> {
  const digest = runnerDigest(installation);
  const name = `slipway-test/hostile:${digest.slice(0, 16)}`;
  const context = await mkdtemp(join(tmpdir(), "slipway-image-"));
  try {
    const sources = "apps/runner/src";
    await cp(join(installation, sources), join(context, "src"), { recursive: true });
    await writeFile(join(context, "Dockerfile"), `FROM ${await testImage()}\nCOPY src /opt/slipway/${sources}\nLABEL ${RUNNER_LABEL}=${digest}\n`);
    await execa("docker", ["build", "--quiet", "--tag", name, context], { env: { DOCKER_BUILDKIT: "0" }, timeout: 120_000 });
    return name;
  } finally {
    await rm(context, { recursive: true, force: true });
  }
}
