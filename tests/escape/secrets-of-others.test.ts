import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Client } from "@slipway/protocol/client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { allEvents, ended, logText, submitScript } from "../support/jobs.ts";
import { NOTHING_LEFT } from "../support/leftovers.ts";
import { git, makeRepository, type TestRepository } from "../support/repository.ts";
import { whyNoMount } from "../support/small-disk.ts";
import { Stack } from "../support/stack.ts";
import { ISOLATED, stackOf } from "./kinds.ts";

/** Jobs of the same repository on the same worker: none sees what another one has or had, and none takes the room of the others. */

const noMount = whyNoMount();
if (noMount) console.warn(`left out: a disk that an agent fills: ${noMount}`);

describe.each(ISOLATED)("in %s", (kind) => {
  let stack: Stack;
  let repository: TestRepository;
  let client: Client;
  beforeAll(async () => {
    const { workerFlags = [], ...chosen } = await stackOf(kind);
    const limit = noMount ? [] : ["--workspace-limit", "48m"];
    stack = await Stack.start({ ...chosen, slots: 2, verifySlots: 1, workerFlags: [...workerFlags, ...limit] });
    const config = { version: 1, repairs: 0, gates: [{ name: "fine", run: "test ! -e private.txt" }] };
    repository = await makeRepository({ "a.txt": "a\n", ".slipway.yaml": JSON.stringify(config) });
    client = await stack.client();
    await repository.register(client, "sample");
  }, 60_000);
  afterAll(async () => {
    await stack?.[Symbol.asyncDispose]();
    await repository?.[Symbol.asyncDispose]();
  });

  let asked = 0;
  /** What the shell commands of a job's agent print. */
  async function says(command: string): Promise<string> {
    asked += 1;
    const change = { write: { path: "asked", content: `${asked}\n` } };
    const id = await submitScript(client, "sample", [[change, { shell: { command: `{ ${command}\n} 2>&1`, expectExit: "any" } }]], { maxAttempts: 1 });
    const { job } = await ended(client, id);
    expect(job.state, JSON.stringify(job.failure)).toBe("done");
    return logText(await allEvents(client, id), "stdout");
  }

  test("what another job has pushed to the hub cannot be read: no ref, no object, no way there", async () => {
    const secret = await ended(client, await submitScript(client, "sample", [[{ shell: "echo of another job > private.txt" }]], { maxAttempts: 1 }));
    expect(secret.job.failure?.code).toBe("GATES_FAILED");
    const hub = join(stack.data, "server/hub", secret.job.repo.id);
    const [ref = ""] = (await git(`${hub}/jobs.git`, "for-each-ref", "--format=%(refname)", "refs/slipway/jobs")).split("\n");
    const [blob, commit] = [await git(`${hub}/jobs.git`, "rev-parse", `${ref}:private.txt`), await git(`${hub}/jobs.git`, "rev-parse", ref)];
    const base = await repository.head();
    const stores = "$(cat .git/objects/info/alternates)";
    expect(await says(`git cat-file -t ${base}`)).toBe("commit\n");
    for (const oid of [blob, commit]) expect(await says(`git cat-file -p ${oid} || echo unknown`), oid).toMatch(/unknown\n$/);
    const found = await says(
      `git cat-file --batch-all-objects --batch-check | grep -e ${blob} -e ${commit}; for store in ${stores}; do git -C $store/.. for-each-ref; cat $store/../packed-refs; ls $store/../refs/*; done; true`,
    );
    expect(found).not.toContain(blob);
    expect(found).not.toContain(commit);
    expect(await says("git for-each-ref --format='%(refname)'; git log --all --format=%H")).not.toMatch(/refs\/slipway\/jobs|refs\/remotes/);
    expect(await says(`git fetch ${stack.url}/git/${secret.job.repo.id}/jobs.git '+refs/*:refs/all/*' || echo no way`)).toContain("no way");
    expect(await says(`git fetch ${hub}/jobs.git '+refs/*:refs/all/*' || echo no way`)).toContain("no way");
  }, 90_000);

  test("the objects that a workspace borrows can be read, and nothing can be put among them", async () => {
    const tries = ["touch $store/x", "rm -rf $store/pack", "mkdir $store/zz", "chmod -R 777 $store", "mv $store $store.old"];
    const said = await says(
      `for store in $(cat .git/objects/info/alternates); do ${tries.map((text) => `${text} && echo DONE: ${text}`).join("; ")}; done; git fsck --connectivity-only && echo whole`,
    );
    expect(said).not.toContain("DONE");
    expect(said).toMatch(/whole\n$/);
  }, 60_000);

  test("what another job has at work, and where the worker keeps it, is out of sight", async () => {
    const wait = "echo now > in-progress; while [ ! -e stop ]; do sleep 0.1; done";
    const other = await submitScript(client, "sample", [[{ print: "begun" }, { shell: { command: wait, expectExit: "any" } }]], { maxAttempts: 1 });
    for await (const frame of client.follow(other)) if (frame.type === "event" && frame.event.kind === "message") break;
    const places = join(stack.data, "worker/sandboxes");
    expect((await readdir(places)).length).toBeGreaterThan(1);
    const said = await says(
      `find / -name in-progress -not -path '/proc/*' 2>/dev/null; ls -a ${places} ${stack.data}/worker/homes /home; grep -l in-progress /proc/[0-9]*/cmdline`,
    );
    expect(said).not.toMatch(/in-progress\n/);
    expect(said).toContain("agent\n");
    for (const place of await readdir(places)) expect(said).not.toContain(place);
    await client.call("cancelJob", { params: { job: other }, body: {} });
    expect((await ended(client, other)).job.state).toBe("cancelled");
  }, 60_000);

  test.skipIf(noMount !== undefined)(
    "who fills the disk fills its own alone: it ends with DISK_FULL, and a job beside it lands",
    async () => {
      const [greedy, modest] = await Promise.all([
        submitScript(client, "sample", [[{ shell: "head -c 100M /dev/zero > big" }]], { maxAttempts: 1, target: "greedy" }),
        submitScript(client, "sample", [[{ shell: "head -c 5M /dev/zero > small" }]], { maxAttempts: 1, target: "modest", allowChecks: ["size"] }),
      ]);
      expect((await ended(client, greedy)).job.failure).toMatchObject({ code: "DISK_FULL" });
      const { job } = await ended(client, modest);
      expect(job.state, JSON.stringify(job.failure)).toBe("done");
    },
    90_000,
  );

  test("after all of them nothing is left over", async () => {
    await stack.stop();
    // A sandbox that somebody else starts at this moment has all mounts of the machine in sight at first.
    await expect.poll(() => stack.leftovers(), { timeout: 10_000 }).toEqual(NOTHING_LEFT);
  });
});
