import { type ControlPlane, SERVER_VERSION } from "../../control-plane.ts";
import { serverSecrets } from "../../effective-config.ts";
import type { Handlers } from "../call.ts";

/** What the server runs with. */
export function configHandlers(plane: ControlPlane): Pick<Handlers, "showConfig"> {
  return {
    showConfig: async ({ baseUrl }) => ({
      version: SERVER_VERSION,
      data: plane.folder.root,
      url: baseUrl,
      values: [...plane.config],
      secrets: await serverSecrets(plane.folder.root),
    }),
  };
}
