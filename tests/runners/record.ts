import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hasProgram, installRunners, PROJECTS, runProject } from "./projects.ts";

/**
 * Records what real test runners print, for the fast tests of their parsers: `node tests/runners/record.ts`. The first line of a recording says what it is of;
 * the folder that it ran in is told as /workspace.
 */

const RECORDED = join(import.meta.dirname, "../../apps/worker/src/gate-output/recorded");

const folder = await mkdtemp(join(tmpdir(), "slipway-runners-"));
try {
  await installRunners(folder);
  await mkdir(RECORDED, { recursive: true });
  for (const project of PROJECTS) {
    if (project.needs !== undefined && !hasProgram(project.needs)) {
      console.log(`${project.name}: left as it was, there is no ${project.needs} on PATH`);
      continue;
    }
    const { output, root } = await runProject(folder, project);
    const text = output
      .toString("utf8")
      .replaceAll(root, "/workspace")
      .replaceAll(folder, "/runners")
      .replace(/hostname="[^"]*"/g, 'hostname="machine"');
    await writeFile(join(RECORDED, `${project.name}.txt`), `# ${project.version}: ${project.command}\n${text}`);
    console.log(`${project.name}: ${output.length} bytes`);
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
