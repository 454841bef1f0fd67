import { type Engine, openEngine } from "@slipway/images/engine/engine";
import { backendPaths } from "../backends-folder.ts";
import { removeEgressFolders } from "../egress-folders.ts";
import type { SandboxLimits } from "../limits/limits.ts";
import type { SandboxImage, SandboxSpec } from "../sandbox.ts";
import { type AgentUser, agentUser, openGatewayTo } from "./agent-user.ts";
import { ImageTable } from "./backend-images.ts";
import { findImage } from "./image.ts";
import { OomEvents } from "./oom-events.ts";

export interface DockerSettings {
  /** For sockets; its path is short. */
  readonly runtimeFolder: string;
  /** The checkout or installation whose runner the image must have. */
  readonly installRoot: string;
  readonly maskPaths: readonly string[];
  readonly backendsFolder?: string | undefined;
  readonly gatewayFolder?: string | undefined;
  readonly certificates?: string | undefined;
  readonly limits: SandboxLimits;
  /** The first of them that the engine has is the worker's own. */
  readonly images: readonly string[];
  /** Names of images for jobs of a backend, the best first; all jobs run in the worker's own where this is missing. */
  readonly imagesOfBackend?: ((backend: string) => readonly string[]) | undefined;
  /** What the containers are labelled with as their worker. */
  readonly workerLabel: string;
}

/** What all containers of a provider share. */
export interface DockerHost {
  readonly settings: DockerSettings;
  readonly engine: Engine;
  /** Of the containers that are made by this host; see `hostFor`. */
  readonly image: SandboxImage;
  readonly images: ImageTable;
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
  const images = new ImageTable({
    engine,
    installRoot: settings.installRoot,
    cacheFolder: settings.runtimeFolder,
    own: image,
    candidates: settings.imagesOfBackend ?? (() => []),
  });
  return { settings, engine, image, images, agent, backends: backendsIn(settings.backendsFolder), oomEvents };
}

/** The same host, for the containers of a sandbox with an image of its own. SANDBOX_UNAVAILABLE where that is not there any more. */
export async function hostFor(host: DockerHost, { image }: Pick<SandboxSpec, "image">): Promise<DockerHost> {
  return { ...host, image: await host.images.byId(image) };
}

/** The folder by its real path, which is what is there inside. */
function backendsIn(folder: string | undefined): DockerHost["backends"] {
  if (folder === undefined) return undefined;
  const paths = backendPaths(folder);
  return { folder: paths[0] ?? folder, paths };
}
