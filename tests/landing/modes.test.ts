import { expect, test, vi } from "vitest";
import { TestServer } from "../server/server-harness.ts";
import { TOKEN } from "../support/forge/git-host.ts";
import { GitlabHost } from "../support/forge/gitlab-host.ts";
import { ForgeScene } from "./forge-scene.ts";

vi.setConfig({ testTimeout: 60_000 });

test("pr: the branch is pushed and one pull request opened for it, with task, labels and reviewers; the job is done", async () => {
  await using scene = await ForgeScene.open({
    landing:
      "landing:\n  mode: pr\n  branch: 'agents/{ticket}-{slug}'\n  pullRequest: {labels: [agent], reviewers: [mara, nobody-here], title: '{ticket}: {title}'}\n",
  });
  const { job, completion } = await scene.delivered({ "b.txt": "b\n" }, { ticket: "SEA-7", task: "Mend the sail\n\n@everyone ``` look" });
  const { host } = scene;
  expect(job).toMatchObject({
    state: "done",
    landing: "pr",
    landedOid: null,
    target: "main",
    delivery: { mode: "pr", state: "delivered", branch: "agents/SEA-7-mend-the-sail", ofJob: job.number, pullRequest: { number: 1, state: "open" } },
  });
  expect(job.delivery?.pullRequest?.url).toBe(`${host.origin}/ship/sea/pull/1`);
  expect(completion).toMatchObject({ state: "landed", landedOid: job.resultOid });
  expect(await host.branches()).toMatchObject({ "agents/SEA-7-mend-the-sail": job.resultOid });
  expect(host.scripted.pulls).toHaveLength(1);
  const pull = host.scripted.pull(1);
  expect(pull).toMatchObject({ title: "SEA-7: Mend the sail", base: "main", draft: false, labels: ["agent"], reviewers: ["mara"] });
  // A mention in the task stays text: it stands in a fence that is longer than any in it.
  expect(pull?.body).toContain("````text\nMend the sail\n\n@everyone ``` look\n````");
  expect(pull?.body).toContain(`<!-- slipway:job:${job.id} -->`);
  // The hub's own branches stay where they are.
  expect((await scene.server.client("viewer").call("getBranch", { params: { repo: scene.repo.id }, query: { branch: "main" } })).oid).toBeNull();
  const shown = await scene.shown(job.id);
  expect(shown).toContain("nobody-here");
  expect(shown).not.toContain(TOKEN);
  expect(pull?.body).not.toContain(TOKEN);
});

test("pr at a GitLab", async () => {
  await using scene = await ForgeScene.open({
    host: await GitlabHost.start(),
    landing: "landing: {mode: pr, pullRequest: {labels: [agent], draft: always}}\n",
  });
  const { job } = await scene.delivered();
  expect(job).toMatchObject({ state: "done", delivery: { pullRequest: { number: 1, state: "draft" } } });
  expect(scene.host.scripted.pull(1)).toMatchObject({ draft: true, labels: ["agent"], title: "Mend the sail" });
  expect(await scene.host.branches()).toMatchObject({ [job.delivery?.branch ?? ""]: job.resultOid });
});

test("branch: the branch is pushed, and the API is asked for nothing to be made", async () => {
  await using scene = await ForgeScene.open({ landing: "landing: {mode: branch, branch: '{date}/{backend}/{job}'}\n" });
  const { job } = await scene.delivered();
  const branch = `${new Date(job.createdAt).toISOString().slice(0, 10)}/script/${job.number}`;
  expect(job).toMatchObject({ state: "done", delivery: { mode: "branch", state: "delivered", branch, pullRequest: null } });
  expect(await scene.host.branches()).toMatchObject({ [branch]: job.resultOid });
  expect(scene.host.scripted.pulls).toEqual([]);
  expect(scene.host.asked.every(({ method }) => method === "GET")).toBe(true);
});

test("branch to an address that is a plain path needs no git host", async () => {
  await using server = await TestServer.start();
  const { view, source } = await server.repository({ "a.txt": "a\n" });
  const workerId = await server.worker();
  const { id } = await server.submit(view.id, { landing: "branch", task: "Mend the sail" });
  const claim = await server.claim(workerId, { waitMs: 5_000 });
  if (!claim) throw new Error("no claim");
  const oid = await server.pushChange(source, claim, { "b.txt": "b\n" });
  const outcome = { kind: "change", oid, diffStat: { files: 1, insertions: 1, deletions: 0 } } as const;
  await server.client("worker").call("finish", { params: { job: id, fence: claim.fence }, body: { outcome } });
  const integrator = server.client("integrator");
  const { claimed } = await integrator.call("claimCompletion", { body: { claimId: claim.job.id, integratorId: claim.job.id, waitMs: 5_000 } });
  await integrator.call("landCompletion", {
    params: { completion: claimed?.completion.id ?? "", fence: claimed?.fence ?? 0 },
    body: { mergedOid: oid, expectedOld: claimed?.targetOid ?? null },
  });
  const { job } = await server.client("viewer").call("getJob", { params: { job: id }, query: { waitMs: 20_000 } });
  expect(job).toMatchObject({ state: "done", delivery: { branch: `slipway/${job.number}-mend-the-sail` } });
});

test("none: the job is done with its commit on the hub, and no integrator hears of it", async () => {
  await using scene = await ForgeScene.open();
  const { job, completion } = await scene.finished({ "b.txt": "b\n" }, { landing: "none" });
  expect(job).toMatchObject({ state: "done", landing: "none", landedOid: null, delivery: null });
  expect(job.resultOid).not.toBeNull();
  expect(completion).toBeNull();
  expect(await scene.server.client("viewer").diff(job.id)).toContain("+b");
  const { claimed } = await scene.server.client("integrator").call("claimCompletion", { body: { claimId: job.id, integratorId: job.id, waitMs: 0 } });
  expect(claimed).toBeNull();
});

test("a job's own mode wins over the repository's, and train is what it was", async () => {
  await using scene = await ForgeScene.open();
  const { job } = await scene.finished({ "b.txt": "b\n" }, { landing: "train" });
  await scene.integrate();
  expect((await scene.ended(job.id)).job).toMatchObject({ state: "done", landedOid: job.resultOid, delivery: null });
  expect(Object.keys(await scene.host.branches())).toEqual(["main"]);
});

test("what can never be delivered is refused when it is submitted", async () => {
  await using server = await TestServer.start();
  const { view } = await server.repository();
  const refusal = { code: "INVALID_REQUEST", details: { field: "landing" } };
  await expect(server.submit(view.id, { landing: "pr" })).rejects.toMatchObject({
    ...refusal,
    message: expect.stringContaining("a git host that the installation knows"),
  });
  await expect(server.submit(view.id, { landing: "none", target: "main" })).rejects.toMatchObject(refusal);
  const { id } = await server.client("admin").call("createRepository", { body: { name: "no-address", url: null } });
  await expect(server.submit(id, { landing: "branch" })).rejects.toMatchObject({ code: expect.stringMatching(/INVALID_REQUEST|BASE_NOT_FOUND/) });
});

test("two jobs at once with names that would be the same get a branch and a pull request each", async () => {
  await using scene = await ForgeScene.open({ landing: "landing: {mode: pr, branch: 'agents/{slug}'}\n" });
  const first = await scene.finished({ "b.txt": "b\n" });
  const second = await scene.finished({ "c.txt": "c\n" });
  await scene.integrate();
  await scene.integrate();
  const [one, two] = [await scene.ended(first.job.id), await scene.ended(second.job.id)];
  expect([one.job.delivery?.branch, two.job.delivery?.branch]).toEqual(["agents/mend-the-sail", "agents/mend-the-sail-2"]);
  expect(scene.host.scripted.pulls.map(({ branch }) => branch).sort()).toEqual(["agents/mend-the-sail", "agents/mend-the-sail-2"]);
});

test("a branch of that name that somebody else has is left alone, and one below which ours would lie", async () => {
  await using scene = await ForgeScene.open({ landing: "landing: {mode: branch, branch: 'agents/{slug}'}\n" });
  const main = (await scene.host.branches())["main"] ?? "";
  await scene.host.git("branch", "agents/mend-the-sail", main);
  await scene.host.commitOn("agents/mend-the-sail", { "theirs.txt": "theirs\n" });
  const theirs = (await scene.host.branches())["agents/mend-the-sail"];
  const { job } = await scene.delivered();
  expect(job.delivery?.branch).toBe("agents/mend-the-sail-2");
  expect(await scene.host.branches()).toMatchObject({ "agents/mend-the-sail": theirs, "agents/mend-the-sail-2": job.resultOid });
  await scene.host.git("branch", "nets", main);
  const other = await scene.delivered({ "c.txt": "c\n" }, { title: "Mend the nets" });
  expect(other.job.delivery?.branch).toBe("agents/mend-the-nets");
});
