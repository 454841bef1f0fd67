import type { AheadContext, BackendDefinition } from "@slipway/backend-sdk/backend";
import { defineBackend } from "@slipway/backend-sdk/define-backend";
import { ResidentAgents } from "@slipway/backend-sdk/resident-agents";
import type { z } from "zod";
import type { AcpAgent } from "./client/acp-agent.ts";
import { type Probed, probe, warmUp } from "./probe.ts";
import type { Profile } from "./profile.ts";
import { releaseOf, specOf } from "./releases.ts";
import { runTurn } from "./run-turn.ts";
import type { CommonSettings } from "./settings.ts";
import { startAhead } from "./start-ahead.ts";

/** An agent's profile as a backend of its own name, and the agents of it that wait for a next turn. */
export function defineProfile<Config extends z.ZodType<CommonSettings>>(
  profile: Profile<Config>,
  probed: Probed,
): { readonly backend: BackendDefinition<Config>; readonly residents: ResidentAgents<AcpAgent> } {
  const residents = new ResidentAgents<AcpAgent>();
  const backend = defineBackend({
    name: profile.name,
    version: profile.version,
    summary: profile.summary,
    capabilities: profile.capabilities,
    config: profile.config,
    secrets: [],
    release: releaseOf(probed.release),
    programSetting: "command",
    ...(profile.adapterOf === undefined ? {} : { adapterOf: profile.adapterOf }),
    image: probed.pip ? { npm: [], apt: [], pip: [...probed.pip] } : { npm: [specOf(probed.release)], apt: [] },
    probe: (context) => probe(probed, context),
    warmUp: (context) => warmUp(probed, context),
    startAhead: (context) => startAhead(profile as unknown as Profile, residents, context as unknown as AheadContext<CommonSettings>),
    turn: (turn) => runTurn(profile as unknown as Profile, residents, turn),
  });
  return { backend, residents };
}
