import { join } from "node:path";
import type { AheadContext } from "@slipway/backend-sdk/backend";
import { prepareClaudeHome } from "./claude-home.ts";
import { ClaudeProcess, residents } from "./claude-process.ts";
import type { ClaudeConfig } from "./config.ts";
import { findClaude } from "./executable.ts";
import { aheadLaunch } from "./run-turn.ts";

/**
 * Starts Claude Code for the turn that will come, with `--await-claim`: it loads, up to where it reads its token, and is given that and its folder with the turn. Whether it
 * was well shows then: it says nothing before.
 */
export async function startAhead(ahead: AheadContext<ClaudeConfig>): Promise<void> {
  const program = await findClaude(ahead.config.command, ahead.env["PATH"]);
  // Whether it is there is the probe's to say; without the model's address it would be started for nothing.
  if (program === undefined || ahead.modelUrl === undefined) return;
  const configFolder = join(ahead.home, ".claude");
  await prepareClaudeHome(configFolder);
  ahead.signal.throwIfAborted();
  await residents.keepAhead(new ClaudeProcess(aheadLaunch(ahead, program, configFolder)));
}
