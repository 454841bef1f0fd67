import { rm } from "node:fs/promises";
import { join } from "node:path";
import { type Published, publish } from "@slipway/cli/checkout/publish";
import { repositoryName } from "@slipway/cli/checkout/repository-name";
import { type Connection, runningServer } from "@slipway/cli/connection";
import { describeCheckout } from "@slipway/git/checkout";
import { afterAll, beforeAll, expect, test } from "vitest";
import { TestServer } from "../server/server-harness.ts";
import { Playground } from "./slipway.ts";

let ground: Playground;
let server: TestServer;
let connection: Connection;

beforeAll(async () => {
  [ground, server] = await Promise.all([Playground.make(), TestServer.start()]);
  const found = await runningServer(server.data);
  if (!found) throw new Error("the test's server does not answer");
  connection = found;
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await ground[Symbol.asyncDispose]();
});

async function publishFrom(root: string, into?: string): Promise<Published> {
  return await publish(connection, await describeCheckout(root), { into, includeDirty: false });
}

test.each(["main", undefined])("several commands at once in a repository that the server did not know, --into %s", { timeout: 120_000 }, async (into) => {
  for (const round of [1, 2]) {
    const root = await ground.repository(`new ${into} ${round}`);
    const published = await Promise.all(Array.from({ length: 6 }, async () => await publishFrom(root, into)));
    for (const one of published) expect(one).toEqual(published[0]);
    expect(published[0]?.baseOid).toBe((await describeCheckout(root)).head.oid);
  }
});

test("a repository whose registration was cut off before its hub was made", async () => {
  const root = await ground.repository("cut off");
  const name = repositoryName(root);
  const { id } = await connection.client.call("createRepository", { body: { name, url: null, defaultBranch: "main" } });
  await rm(join(server.data, "server", "hub", id), { recursive: true });
  expect(await publishFrom(root, "main")).toMatchObject({ repository: { id } });
});
