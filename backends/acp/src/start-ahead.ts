import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { aheadEnvironment } from "@slipway/backend-sdk/ahead-environment";
import type { AheadContext } from "@slipway/backend-sdk/backend";
import type { ResidentAgents } from "@slipway/backend-sdk/resident-agents";
import { SlipwayError } from "@slipway/protocol/errors";
import { AcpAgent } from "./client/acp-agent.ts";
import { ModelWatch } from "./model/model-watch.ts";
import { strictest } from "./permissions.ts";
import type { Profile } from "./profile.ts";
import type { CommonSettings } from "./settings.ts";

/** Where a call of the model leads before there is a turn: nowhere. Port 9 is that of discard, which nobody has open. */
const NOWHERE = { target: "http://127.0.0.1:9", token: "none", maxSteps: 0, silenceMs: 1_000 };

const REHEARSAL = ".slipway/rehearsal";

/**
 * Starts the agent's process and says hello, for the turn that will come. It runs in its home: the workspace's folder is covered by a mount later, and what
 * has it as its own folder would stay below that.
 */
export async function startAhead(profile: Profile, residents: ResidentAgents<AcpAgent>, ahead: AheadContext<CommonSettings>): Promise<void> {
  const { home, workspace, env, signal } = ahead;
  const config = { ...ahead.config, permissions: strictest(ahead.config.permissions, ahead.permissions) };
  const watch = await ModelWatch.open(NOWHERE);
  let agent: AcpAgent;
  try {
    const launch = await profile.launch({ config, home, workspace, env: aheadEnvironment(env, home), modelUrl: watch.url, key: watch.key, hasImages: false });
    signal.throwIfAborted();
    agent = new AcpAgent({ launch, workspace, cwd: home, config, watch });
  } catch (error) {
    watch.close();
    // Whether the agent is there is the probe's to say.
    if (error instanceof SlipwayError && error.code === "BACKEND_NOT_INSTALLED") return;
    throw error;
  }
  // Before it has answered: a turn that comes meanwhile takes it as far as it is.
  await residents.keepAhead(agent);
  const aborted = Promise.withResolvers<void>();
  signal.addEventListener("abort", () => aborted.resolve(), { once: true });
  if (signal.aborted) aborted.resolve();
  const gone = agent.ended.then(({ exitCode, exitSignal }) => {
    throw new Error(`${profile.title} ended with ${exitCode ?? exitSignal} when it was started ahead: ${agent.stderrTail.slice(-300)}`);
  });
  const greeted = greet(profile, agent, home);
  for (const promise of [gone, greeted]) promise.catch(() => undefined);
  await Promise.race([greeted, gone, aborted.promise]);
}

async function greet(profile: Profile, agent: AcpAgent, home: string): Promise<void> {
  await agent.greet();
  if (!profile.rehearses) return;
  // In an empty folder of its own: what an agent finds around a session is a part of that session.
  const folder = join(home, REHEARSAL);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await agent.rehearse(folder);
}
