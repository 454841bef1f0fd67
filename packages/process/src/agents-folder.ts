import { join } from "node:path";

/** Where `slipway backends install` puts the agents of an installation, a folder a release; below `bin` stand links to their programs. */
export function agentsFolder(dataFolder: string): string {
  return join(dataFolder, "agents");
}

/** PATH with the agents of this folder before what else is on it: whoever had one installed wants that release. */
export function pathWithAgents(folder: string | undefined, path: string): string {
  return folder === undefined ? path : [join(folder, "bin"), path].filter((part) => part !== "").join(":");
}
