import { cp, mkdtemp, rename, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

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
