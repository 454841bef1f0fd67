import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readOnlyToolchains } from "./toolchains.ts";

let root: string;
let home: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "slipway-tools-"));
  home = join(root, "home/u");
  const folders = [
    ".nvm/versions/node/v24/bin",
    ".pyenv/shims",
    ".pyenv/bin",
    ".cargo/bin",
    ".rustup",
    ".local/bin",
    ".local/share/slipway",
    ".ssh/bin",
    "bin",
    "go/bin",
    "secretive/bin",
  ];
  for (const folder of folders) mkdirSync(join(home, folder), { recursive: true });
  for (const folder of ["opt/tool/bin", "opt/plain", "data/bin"]) mkdirSync(join(root, folder), { recursive: true });
  writeFileSync(join(home, "secretive/credentials"), "x");
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const toolchains = (...entries: string[]) => readOnlyToolchains(entries.join(":"), { home, never: [join(root, "data"), join(home, ".local/share/slipway")] });

test("the whole toolchain is shown where a folder of it is on PATH, each once", () => {
  const shown = toolchains(
    join(home, ".nvm/versions/node/v24/bin"),
    join(home, ".pyenv/shims"),
    join(home, ".pyenv/bin"),
    join(home, ".cargo/bin"),
    join(root, "opt/tool/bin"),
  );
  expect(shown).toEqual(
    [join(home, ".cargo"), join(home, ".nvm/versions/node/v24"), join(home, ".pyenv"), join(home, ".rustup"), join(root, "opt/tool")].sort(),
  );
});

test("only the entry itself is shown where its parent is or holds something private", () => {
  expect(toolchains(join(home, "bin"), join(home, ".local/bin"), join(home, "secretive/bin"), join(root, "opt/plain"))).toEqual(
    [join(home, ".local/bin"), join(home, "bin"), join(root, "opt/plain"), join(home, "secretive/bin")].sort(),
  );
});

test("system folders, private ones, the data folder, relative and missing ones are left out", () => {
  expect(
    toolchains(
      "/usr/bin",
      "/bin",
      "/usr/local/sbin",
      home,
      "/",
      join(home, ".ssh/bin"),
      join(root, "data/bin"),
      "",
      ".",
      "node_modules/.bin",
      join(home, "missing/bin"),
    ),
  ).toEqual([]);
});
