import { openForgeHost } from "@slipway/forge/open-forge";
import { TOKEN } from "../../support/forge/git-host.ts";
import { GitlabHost } from "../../support/forge/gitlab-host.ts";
import { forgeConformance } from "./conformance.ts";

/** Pauses between tries, in ms. */
const UNIT_MS = 20;

forgeConformance("gitlab", async () => {
  const host = await GitlabHost.start();
  const open = (token = TOKEN) =>
    openForgeHost(host.host, { kind: "gitlab", baseUrl: host.baseUrl, token: "GITLAB_TOKEN" }, { kind: "token", token }, UNIT_MS).repository("ship/sea");
  return { host, open };
});
