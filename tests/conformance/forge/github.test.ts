import { generateKeyPairSync } from "node:crypto";
import { openForgeHost } from "@slipway/forge/open-forge";
import { expect, test, vi } from "vitest";
import { TOKEN } from "../../support/forge/git-host.ts";
import { GithubHost } from "../../support/forge/github-host.ts";
import { forgeConformance } from "./conformance.ts";

/** Pauses between tries, in ms: what is a second of GitHub's is this here, but for times that the host itself tells. */
const UNIT_MS = 20;

forgeConformance("github", async () => {
  const host = await GithubHost.start();
  const open = (token = TOKEN) =>
    openForgeHost(host.host, { kind: "github", baseUrl: host.baseUrl, token: "GITHUB_TOKEN" }, { kind: "token", token }, UNIT_MS).repository("ship/sea");
  return { host, open };
});

test("an app's tokens are asked for with its key, used for the API and for pushes, and renewed when they are over", async () => {
  await using host = await GithubHost.start();
  const { privateKey } = generateKeyPairSync("rsa", {
    modulusLength: 2048,
    privateKeyEncoding: { type: "pkcs1", format: "pem" },
    publicKeyEncoding: { type: "spki", format: "pem" },
  });
  const settings = { kind: "github" as const, baseUrl: host.baseUrl, app: { id: 12, installationId: 34, privateKey: "APP_KEY" } };
  const forge = openForgeHost(host.host, settings, { kind: "app", appId: 12, installationId: 34, privateKey }, UNIT_MS).repository("ship/sea");
  const { signal } = new AbortController();
  expect(await forge.repository(signal)).toMatchObject({ path: "ship/sea" });
  expect(host.appTokens).toHaveLength(1);
  expect(await forge.pushCredential()).toEqual({ username: "x-access-token", password: host.appTokens[0] });
  await forge.repository(signal);
  expect(host.appTokens).toHaveLength(1);
  // An hour later; timers go on as they are.
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 3_600_000 });
  try {
    expect(await forge.repository(signal)).toMatchObject({ path: "ship/sea" });
    expect(host.appTokens).toHaveLength(2);
    expect(await forge.pushCredential()).toEqual({ username: "x-access-token", password: host.appTokens[1] });
  } finally {
    vi.useRealTimers();
  }
  expect(JSON.stringify(host.asked)).not.toContain("PRIVATE KEY");
});
