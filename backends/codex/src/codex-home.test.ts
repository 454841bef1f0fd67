import { access, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { prepareCodexHome, temporaryFolder } from "./codex-home.ts";

test("what a conversation needs stays, all else goes, and links are not followed", async () => {
  const root = await mkdtemp(join(tmpdir(), "slipway-codex-home-"));
  try {
    const codexHome = join(root, "home/.codex");
    await prepareCodexHome(codexHome);
    for (const name of ["sessions/2026", "skills/planted", "tmp", "prompts", "outside"]) await mkdir(join(codexHome, name), { recursive: true });
    for (const name of ["state_5.sqlite", "state_5.sqlite-wal", "installation_id", "config.toml", "work.config.toml", "AGENTS.md", "hooks.json", "auth.json"])
      await writeFile(join(codexHome, name), "");
    await mkdir(join(root, "kept"));
    await symlink(join(root, "kept"), join(codexHome, "rules"));
    await prepareCodexHome(codexHome);
    expect((await readdir(codexHome)).sort()).toEqual(["installation_id", "sessions", "state_5.sqlite", "state_5.sqlite-wal"]);
    await access(join(root, "kept"));

    for (const name of ["tmp/arg0", "thread-writer-locks", "skills/planted"]) await mkdir(join(codexHome, name), { recursive: true });
    await prepareCodexHome(codexHome, { isAtWork: true });
    expect((await readdir(codexHome)).sort()).toEqual(["installation_id", "sessions", "state_5.sqlite", "state_5.sqlite-wal", "thread-writer-locks", "tmp"]);
  } finally {
    await rm(root, { recursive: true });
  }
});

test("the temporary folder is the usual one where that is not above CODEX_HOME", async () => {
  const home = await mkdtemp(join(tmpdir(), "slipway-codex-home-"));
  try {
    expect(await temporaryFolder("/home/agent/.codex", home, "/tmp")).toBe("/tmp");
    expect(await temporaryFolder("/tmpfs/.codex", home, "/tmp")).toBe("/tmp");
    for (const usual of ["/tmp", "/", "/tmp/x"]) expect(await temporaryFolder("/tmp/x/.codex", home, usual)).toBe(join(home, ".codex-tmp"));
  } finally {
    await rm(home, { recursive: true });
  }
});
