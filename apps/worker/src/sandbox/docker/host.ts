import { type Engine, openEngine } from "@slipway/images/engine/engine";
import { backendPaths } from "../backends-folder.ts";
import { removeEgressFolders } from "../egress-folders.ts";
import type { SandboxLimits } from "../limits/limits.ts";
import { type AgentUser, agentUser, openGatewayTo } from "./agent-user.ts";
import { type EngineImage, findImage } from "./image.ts";
import { OomEvents } from "./oom-events.ts";

export interface DockerSettings {
  /** For sockets; its path is short. */
  readonly runtimeFolder: string;
  /** The checkout or installation whose runner the image must have. */
  readonly installRoot: string;
  readonly maskPaths: readonly string[];
  readonly backendsFolder?: string | undefined;
  readonly gatewayFolder?: string | undefined;
  readonly limits: SandboxLimits;
  /** The first of them that the engine has is used. */
  readonly images: readonly string[];
  /** What the containers are labelled with as their worker. */
  readonly workerLabel: string;
}

/** What all containers of a provider share. */
export interface DockerHost {
  readonly settings: DockerSettings;
  readonly engine: Engine;
  readonly image: EngineImage;
  readonly agent: AgentUser;
  /** Backends of others: the folder that names them, and all that must be seen of them. */
  readonly backends: { readonly folder: string; readonly paths: readonly string[] } | undefined;
  readonly oomEvents: OomEvents;
}

/** Finds the engine and the image, and gets the host ready for containers. SANDBOX_UNAVAILABLE, with the engine's own words, where that fails. */
export async function openDockerHost(settings: DockerSettings): Promise<DockerHost> {
  const engine = await openEngine();
  await removeEgressFolders(settings.runtimeFolder);
  const image = await findImage(engine, settings.images, settings.installRoot);
  const agent = agentUser();
  if (settings.gatewayFolder !== undefined) await openGatewayTo(agent, settings.gatewayFolder);
  const oomEvents = new OomEvents(engine, settings.workerLabel);
  return { settings, engine, image, agent, backends: backendsIn(settings.backendsFolder), oomEvents };
}

/** The folder by its real path, which is what is there inside. */
function backendsIn(folder: string | undefined): DockerHost["backends"] {
  if (folder === undefined) return undefined;
  const paths = backendPaths(folder);
  return { folder: paths[0] ?? folder, paths };
}
