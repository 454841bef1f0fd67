import { mkdir, readdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createTestBench } from "@slipway/backend-sdk/test-kit";
import { expect, test } from "vitest";
import { agentsInstructions, prepareClaudeHome } from "./claude-home.ts";

test("of what a turn left only the conversations stay", async () => {
  await using bench = await createTestBench();
  const folder = join(bench.home, ".claude");
  await prepareClaudeHome(folder);
  for (const name of ["projects/-workspace", "skills/planted", "plugins", "agents"]) await mkdir(join(folder, name), { recursive: true });
  for (const name of ["settings.json", "CLAUDE.md", ".claude.json"]) await writeFile(join(folder, name), "{}");
  await symlink("/etc", join(folder, "rules"));
  await prepareClaudeHome(folder);
  expect(await readdir(folder)).toEqual(["projects"]);
  expect(await readdir(join(folder, "projects"))).toEqual(["-workspace"]);
  expect(await readdir("/etc")).not.toEqual([]);
});

test.each([
  [{ "AGENTS.md": "Be brief." }, expect.stringMatching(/AGENTS\.md:\n\nBe brief\.$/)],
  [{ "AGENTS.md": "Be brief.", "CLAUDE.md": "Be kind." }, expect.stringContaining("Be brief.")],
  [{ "AGENTS.md": "Be brief.", "CLAUDE.md": "See:\n@AGENTS.md" }, undefined],
  [{ "AGENTS.md": "Be brief.", "CLAUDE.md": "Be brief." }, undefined],
  [{ "AGENTS.md": " \n" }, undefined],
  [{ "AGENTS.md/folder": "" }, undefined],
  [{}, undefined],
])("AGENTS.md of %j is passed on as %s", async (files, expected) => {
  await using bench = await createTestBench(files);
  expect(await agentsInstructions(bench.workspace)).toEqual(expected);
});

test("instructions fit into an argument, whatever their characters, and have no NUL", async () => {
  await using bench = await createTestBench({ "AGENTS.md": `a\0b${"🚢".repeat(100_000)}` });
  const instructions = (await agentsInstructions(bench.workspace)) ?? "";
  expect(instructions).toContain("ab🚢");
  expect(Buffer.byteLength(instructions)).toBeLessThan(128 * 1_024);
});
