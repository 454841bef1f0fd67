import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import type { Forge } from "@slipway/forge/forge";
import { openForgeHost } from "@slipway/forge/open-forge";
import { expect, test } from "vitest";

/** One exchange with api.github.com as `@octokit/fixtures` recorded it. */
interface Recorded {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly response: unknown;
}

/** Plays a recorded scenario on loopback; addresses in it lead back to it. Nothing of the recording is altered but these. */
async function play(name: string, repository: string): Promise<AsyncDisposable & { readonly forge: Forge; readonly left: () => number }> {
  const file = fileURLToPath(import.meta.resolve(`@octokit/fixtures/scenarios/api.github.com/${name}/normalized-fixture.json`));
  const recorded = JSON.parse(await readFile(file, "utf8")) as Recorded[];
  const server = createServer((request, response) => {
    request.resume();
    const at = recorded.findIndex(({ method, path }) => method.toUpperCase() === request.method && path === request.url);
    const [found] = at === -1 ? [] : recorded.splice(at, 1);
    const location = found?.headers["location"]?.replace("https://api.github.com", origin);
    response.writeHead(found?.status ?? 500, { "content-type": "application/json; charset=utf-8", ...(location ? { location } : {}) });
    response.end(JSON.stringify(found?.response ?? { message: `not recorded: ${request.method} ${request.url}` }));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const settings = { kind: "github" as const, baseUrl: origin, token: "GITHUB_TOKEN" };
  const forge = openForgeHost("github.com", settings, { kind: "token", token: "a-token-0123456789" }, 10).repository(repository);
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  };
  return { forge, left: () => recorded.length, [Symbol.asyncDispose]: close };
}

const { signal } = new AbortController();

test("recorded: a repository", async () => {
  await using scene = await play("get-repository", "octokit-fixture-org/hello-world");
  expect(await scene.forge.repository(signal)).toMatchObject({ path: "octokit-fixture-org/hello-world" });
  expect(scene.left()).toBe(0);
});

test("recorded: a repository that was renamed is found under its new name", async () => {
  await using scene = await play("rename-repository", "octokit-fixture-org/rename-repository");
  expect(await scene.forge.repository(signal)).toMatchObject({ path: "octokit-fixture-org/rename-repository-newname" });
});

test("recorded: labels are added to an issue, which a pull request is", async () => {
  await using scene = await play("add-labels-to-issue", "octokit-fixture-org/add-labels-to-issue");
  await scene.forge.addLabels(1, ["Foo", "bAr", "baZ"], signal);
  // What made the issue was not ours to ask for.
  expect(scene.left()).toBe(1);
});
