import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { workspaceInstructions } from "./workspace-instructions.ts";

let root: string;
let workspace: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "slipway-instructions-"));
  workspace = join(root, "workspace");
  await mkdir(workspace);
});
afterEach(async () => await rm(root, { recursive: true }));

async function write(path: string, content: string): Promise<void> {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await writeFile(join(root, path), content);
}

test("instruction files and skills are found with their sizes; a workspace without any has none", async () => {
  expect(await workspaceInstructions(workspace)).toEqual({ files: [], skills: [], refused: [] });
  await write("workspace/AGENTS.md", "Be brief.");
  await symlink("AGENTS.md", join(workspace, "CLAUDE.md"));
  await write("workspace/skills/release/SKILL.md", "How to release");
  await write("workspace/.agents/skills/test/SKILL.md", "");
  await write("workspace/skills/not-a-skill/README.md", "");
  expect(await workspaceInstructions(workspace)).toEqual({
    files: [
      { path: "AGENTS.md", bytes: 9 },
      { path: "CLAUDE.md", bytes: 9 },
    ],
    skills: [
      { name: "release", path: "skills/release", bytes: 14 },
      { name: "test", path: ".agents/skills/test", bytes: 0 },
    ],
    refused: [],
  });
});

test("what leads out of the workspace, is no file or too large, is refused with why", async () => {
  await write("workspace-beside/secret", "key");
  await write("workspace-beside/evil/SKILL.md", "key");
  await symlink("../workspace-beside/secret", join(workspace, "AGENTS.md"));
  await mkdir(join(workspace, "CLAUDE.md"));
  await write("workspace/GEMINI.md", "x".repeat(1_048_577));
  await mkdir(join(workspace, "skills"));
  await symlink("../../workspace-beside/evil", join(workspace, "skills/evil"));
  const { files, skills, refused } = await workspaceInstructions(workspace);
  expect([files, skills]).toEqual([[], []]);
  expect(refused).toEqual([
    { path: "AGENTS.md", why: expect.stringContaining("leads out") },
    { path: "CLAUDE.md", why: expect.stringContaining("no file") },
    { path: "GEMINI.md", why: expect.stringContaining("1048577 bytes") },
    { path: "skills/evil", why: expect.stringContaining("leads out") },
  ]);
});
