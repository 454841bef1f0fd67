import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { serveGit } from "@slipway/git/http-backend";
import { trustCertificates } from "@slipway/process/trust";
import { newId } from "@slipway/protocol/scalars";
import { pino } from "pino";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Leases } from "../../apps/worker/src/daemon/leases.ts";
import { TestAuthority } from "../support/authority.ts";
import { makeRepository } from "../support/repository.ts";
import { Stack } from "../support/stack.ts";
import { StubServer } from "./stub-server.ts";

let authority: TestAuthority;
beforeAll(async () => {
  authority = await TestAuthority.make();
});
afterAll(async () => await authority[Symbol.asyncDispose]());

/** The address of a repository, over HTTPS by the authority. */
async function gitOverTls(open: AsyncDisposableStack): Promise<{ url: string; head: string }> {
  const source = open.use(await makeRepository({ "a.txt": "a\n" }));
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://git");
    void serveGit(request, response, {
      ...{ repositoryPath: join(source.root, ".git"), pathInfo: pathname.replace("/x.git", ""), services: ["git-upload-pack"] },
      ...{ allowedPushRef: "refs/none", hooksDir: source.root, maxPackBytes: 1_000_000, remoteUser: "test" },
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  open.defer(() => void server.close());
  return { url: await authority.inFrontOf(`http://127.0.0.1:${(server.address() as AddressInfo).port}/x.git`), head: await source.head() };
}

test("all parts trust it: those that ask the server, over HTTPS here, and the git by which the server fetches", { timeout: 90_000 }, async () => {
  await using open = new AsyncDisposableStack();
  const { url, head } = await gitOverTls(open);
  const options = {
    environment: { SLIPWAY_EXTRA_CA_CERTS: authority.file },
    addressOf: (plain: string) => authority.inFrontOf(plain),
    sandbox: "none",
  } as const;
  const stack = open.use(await Stack.start({ ...options, gateway: { config: "providers: {}\n", keys: {} } }));
  const client = await stack.client();
  expect((await client.call("listWorkers", {})).workers).toMatchObject([{ sandbox: "none" }]);
  await client.call("createRepository", { body: { name: "far", url } });
  expect(await client.call("syncRepository", { params: { repo: "far" }, body: {} })).toMatchObject({ branches: [{ branch: "main", oid: head }] });
  for (const part of ["server", "integrator", "worker"]) {
    const [bundle, extra] = await Promise.all(["ca.pem", "extra.pem"].map((name) => readFile(join(stack.data, part, "certificates", name), "utf8")));
    expect(bundle).toContain(extra?.trim());
  }
});

test("without the setting the server's git trusts it as little as ever", { timeout: 90_000 }, async () => {
  await using open = new AsyncDisposableStack();
  const { url } = await gitOverTls(open);
  const stack = open.use(await Stack.start({ sandbox: "none" }));
  const client = await stack.client();
  await client.call("createRepository", { body: { name: "far", url } });
  await expect(client.call("syncRepository", { params: { repo: "far" }, body: {} })).rejects.toThrow(/certificate/i);
});

test("the thread that renews leases trusts what the worker does", async () => {
  await using open = new AsyncDisposableStack();
  const stub = open.use(await StubServer.start());
  const folder = await mkdtemp(join(tmpdir(), "slipway-lease-"));
  open.defer(async () => await rm(folder, { recursive: true, force: true }));
  const url = await authority.inFrontOf(stub.url);
  const jobId = stub.enqueue();
  await fetch(`${stub.url}/v1/claims`, { method: "POST", body: JSON.stringify({ claimId: newId(), workerId: newId(), kinds: ["task"], waitMs: 0 }) });
  await trustCertificates(authority.file);
  const leases = new Leases({ url, token: "t", log: pino({ level: "silent" }), renewMs: 100 });
  open.defer(async () => await leases.close());
  leases.hold({ jobId, fence: 1, ttlMs: stub.ttlMs }, () => undefined);
  await stub.until(() => stub.renewals.length > 1);
  expect(stub.renewals[0]?.key).toContain(jobId);
});
