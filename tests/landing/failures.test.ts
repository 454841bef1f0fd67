import { expect, test, vi } from "vitest";
import { ForgeScene } from "./forge-scene.ts";

vi.setConfig({ testTimeout: 60_000 });

/** After the person has acted: the commit is delivered, and no agent has run again. */
async function deliversOnRetry(scene: ForgeScene, job: string): Promise<void> {
  await scene.retry(job);
  await scene.integrate();
  const after = (await scene.ended(job)).job;
  expect(after).toMatchObject({ state: "done", attempts: 1, failure: null, delivery: { state: "delivered", pullRequest: { state: "open" } } });
  expect(scene.host.scripted.pulls).toHaveLength(1);
}

test("FORGE_TOKEN_MISSING names the file, and the job goes on when the token is there", async () => {
  await using scene = await ForgeScene.open({ token: null });
  // Told before an agent works, and later where it has gone meanwhile.
  await expect(scene.finished({ "b.txt": "b\n" })).rejects.toMatchObject({
    code: "FORGE_TOKEN_MISSING",
    details: { secret: "HOST_TOKEN", hint: expect.stringMatching(/secrets\/server.*Then submit the job again/s) },
  });
  await scene.setToken(scene.host.token);
  const { job: finished } = await scene.finished({ "b.txt": "b\n" });
  await scene.forgetToken();
  await scene.integrate();
  const { job } = await scene.ended(finished.id);
  expect(job).toMatchObject({
    state: "blocked",
    failure: { code: "FORGE_TOKEN_MISSING", details: { secret: "HOST_TOKEN", host: scene.host.host } },
    delivery: { state: "blocked" },
  });
  expect(job.failure?.message).toContain(`The commit ${job.resultOid} is kept on the hub.`);
  expect(job.failure?.details["hint"]).toContain("secrets/server");
  expect(Object.keys(await scene.host.branches())).toEqual(["main"]);
  await scene.setToken(scene.host.token);
  await deliversOnRetry(scene, job.id);
});

test("FORGE_AUTH for a token that is refused, which shows up nowhere", async () => {
  await using scene = await ForgeScene.open({ token: "an-old-token-that-is-over" });
  const { job } = await scene.delivered();
  expect(job).toMatchObject({ state: "blocked", failure: { code: "FORGE_AUTH" } });
  expect(await scene.shown(job.id)).not.toContain("an-old-token-that-is-over");
  await scene.setToken(scene.host.token);
  await deliversOnRetry(scene, job.id);
});

test("FORGE_AUTH for a token that may read and not push", async () => {
  await using scene = await ForgeScene.open({ token: "reads-alone-0123456789" });
  scene.host.fault = async ({ path }) =>
    /\/repos\/ship\/sea$/.test(path) ? { status: 200, body: { full_name: "ship/sea", default_branch: "main" } } : undefined;
  const { job } = await scene.delivered();
  expect(job).toMatchObject({ state: "blocked", failure: { code: "FORGE_AUTH" } });
  expect(await scene.shown(job.id)).not.toContain("reads-alone-0123456789");
});

test("BRANCH_PROTECTED tells the rule's own words", async () => {
  await using scene = await ForgeScene.open();
  await scene.host.setHook('echo "error: GH006: Protected branch update failed for refs/heads/slipway/1." >&2; exit 1');
  const { job } = await scene.delivered();
  expect(job).toMatchObject({ state: "blocked", failure: { code: "BRANCH_PROTECTED" } });
  expect(job.failure?.message).toContain("GH006");
  await scene.host.setHook("exit 0");
  await deliversOnRetry(scene, job.id);
});

test("PUSH_REJECTED where a hook of the host says no", async () => {
  await using scene = await ForgeScene.open();
  await scene.host.setHook('echo "every commit needs a sign-off" >&2; exit 1');
  const { job } = await scene.delivered();
  expect(job).toMatchObject({ state: "blocked", failure: { code: "PUSH_REJECTED", details: { branch: job.delivery?.branch } } });
  expect(job.failure?.message).toContain("every commit needs a sign-off");
  await scene.host.setHook("exit 0");
  await deliversOnRetry(scene, job.id);
});

test("REPOSITORY_MOVED where the host has no such repository", async () => {
  await using scene = await ForgeScene.open();
  const { job } = await scene.finished({ "b.txt": "b\n" });
  scene.host.path = "ship/elsewhere";
  await scene.integrate();
  expect((await scene.ended(job.id)).job).toMatchObject({ state: "blocked", failure: { code: "REPOSITORY_MOVED" } });
  scene.host.path = "ship/sea";
  await deliversOnRetry(scene, job.id);
});

test("a repository that was renamed is followed, and the new name told", async () => {
  await using scene = await ForgeScene.open();
  scene.host.rename("ship/ocean");
  const { job } = await scene.delivered();
  expect(job).toMatchObject({ state: "done", delivery: { pullRequest: { url: `${scene.host.origin}/ship/ocean/pull/1` } } });
  expect(await scene.shown(job.id)).toContain("has it as ship/ocean now");
  // The credential went to the new address by us, and to no redirect.
  const pushes = scene.host.pushes.filter(({ service }) => service === "git-receive-pack");
  expect(pushes.length).toBeGreaterThan(0);
});

test("PR_FAILED where the host refuses the pull request; the branch is there, and a retry opens it", async () => {
  await using scene = await ForgeScene.open();
  scene.host.fault = async ({ method, path }) =>
    method === "POST" && path.endsWith("/pulls")
      ? { status: 422, body: { message: "Validation Failed", errors: [{ message: "No commits between main and it" }] } }
      : undefined;
  const { job } = await scene.delivered();
  expect(job).toMatchObject({ state: "blocked", failure: { code: "PR_FAILED", details: { said: expect.stringContaining("No commits between") } } });
  expect(job.failure?.message).toContain(`The branch ${job.delivery?.branch} is pushed`);
  expect((await scene.host.branches())[job.delivery?.branch ?? ""]).toBe(job.resultOid);
  scene.host.fault = async () => undefined;
  await deliversOnRetry(scene, job.id);
});

test("a host that is out of reach for a while is waited for", async () => {
  await using scene = await ForgeScene.open();
  let left = 12;
  scene.host.fault = async () => {
    left -= 1;
    return left >= 0 ? { status: 503, body: { message: "Unicorn" } } : undefined;
  };
  expect((await scene.delivered()).job).toMatchObject({ state: "done", delivery: { pullRequest: { state: "open" } } });
});

test("FORGE_UNAVAILABLE where it is for too long; `explain` says meanwhile what is waited for", async () => {
  await using scene = await ForgeScene.open({ server: { deliveryTimes: { pauseMs: 20, giveUpMs: 2_000 } } });
  scene.host.fault = async () => ({ status: 503, body: { message: "Unicorn" } });
  const { job } = await scene.finished({ "b.txt": "b\n" });
  await scene.integrate();
  const explained = await scene.server.client("viewer").call("explainJob", { params: { job: job.id } });
  expect(explained).toMatchObject({ state: "integrating", owner: "server", reason: expect.stringContaining("branch") });
  expect(explained.deadline).not.toBeNull();
  expect((await scene.ended(job.id)).job).toMatchObject({ state: "blocked", failure: { code: "FORGE_UNAVAILABLE" } });
  scene.host.fault = async () => undefined;
  await deliversOnRetry(scene, job.id);
});

test("a job that is cancelled while its pull request is being opened has none that is open", async () => {
  await using scene = await ForgeScene.open();
  const { job } = await scene.finished({ "b.txt": "b\n" });
  const opening = Promise.withResolvers<void>();
  const goOn = Promise.withResolvers<void>();
  scene.host.fault = async ({ method, path }) => {
    if (method !== "POST" || !path.endsWith("/pulls")) return undefined;
    opening.resolve();
    await goOn.promise;
    return undefined;
  };
  await scene.integrate();
  await opening.promise;
  await scene.server.client("submitter").call("cancelJob", { params: { job: job.id }, body: {} });
  goOn.resolve();
  for (;;) {
    const { delivery, state } = (await scene.detail(job.id)).job;
    expect(state).toBe("cancelled");
    if (delivery?.pullRequest?.state === "closed") break;
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(scene.host.scripted.pulls).toMatchObject([{ state: "closed" }]);
});

test("cancelling a job that is done closes its open pull request; `pr close` does the same, once", async () => {
  await using scene = await ForgeScene.open();
  const first = (await scene.delivered()).job;
  const { job } = await scene.server.client("submitter").call("cancelJob", { params: { job: first.id }, body: {} });
  expect(job).toMatchObject({ state: "done", delivery: { pullRequest: { state: "closed" } } });
  expect(scene.host.scripted.pull(1)?.state).toBe("closed");
  await scene.server.client("submitter").call("closePullRequest", { params: { job: first.id }, body: {} });
  await expect(scene.server.client("submitter").call("cancelJob", { params: { job: first.id }, body: {} })).rejects.toMatchObject({ code: "CONFLICT" });
});
