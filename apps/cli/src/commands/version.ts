import { readFileSync } from "node:fs";
import type { Command } from "commander";
import { readGit } from "../checkout/read-git.ts";
import { type CommonOptions, screenOf, withCommon } from "./options.ts";

/** The version of this checkout. */
export function slipwayVersion(): string {
  const manifest = JSON.parse(readFileSync(new URL("../../../../package.json", import.meta.url), "utf8")) as { version: string };
  return manifest.version;
}

export function addVersion(program: Command): void {
  withCommon(program.command("version"))
    .summary("version of Slipway, Node and git")
    .action(async (options: CommonOptions) => {
      const screen = screenOf(options);
      const git = (await readGit(["--version"], "/").catch(() => "git is missing")).replace(/^git version /, "");
      const versions = { slipway: slipwayVersion(), node: process.version, git, platform: `${process.platform}-${process.arch}` };
      screen.document(versions);
      screen.print(`slipway ${versions.slipway} (node ${versions.node}, git ${versions.git}, ${versions.platform})`);
    });
}
