import { access, readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Client } from "@slipway/protocol/client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { allEvents, ended, logText, submitScript } from "../support/jobs.ts";
import { git, makeRepository, type TestRepository } from "../support/repository.ts";
import { Stack } from "../support/stack.ts";
import { ISOLATED, stackOf } from "./kinds.ts";

/** What an agent may try from inside: nothing of it runs in a daemon, nothing of it lands, nothing of the host is seen. */

describe.each(ISOLATED)("in %s", (kind) => {
  let stack: Stack;
  let repository: TestRepository;
  let client: Client;

  beforeAll(async () => {
    stack = await Stack.start({ slots: 2, verifySlots: 1, ...(await stackOf(kind)) });
    repository = await makeRepository({ "hello.txt": "hello\n", "src/a.js": "1\n", ".slipway.yaml": "version: 1\nscope:\n  deny: [secret/**]\n" });
    client = await stack.client();
    await repository.register(client, "sample");
  }, 60_000);

  afterAll(async () => {
    await stack?.[Symbol.asyncDispose]();
    await repository?.[Symbol.asyncDispose]();
  });

  /** A command that would leave a mark in the data folder if a daemon ran it; inside the sandbox that path does not exist. */
  function mark(name: string): string {
    return `touch ${join(stack.data, `mark-${name}`)}; touch /tmp/mark-${name}`;
  }

  async function noMarks(): Promise<void> {
    expect((await readdir(stack.data)).filter((name) => name.startsWith("mark-"))).toEqual([]);
  }

  async function runHostile(commands: string[], target: string) {
    const steps = [{ write: { path: "good.txt", content: "good\n" } }, ...commands.map((shell) => ({ shell }))];
    const job = await submitScript(client, "sample", [steps], { target, maxAttempts: 1 });
    return { job, detail: await ended(client, job) };
  }

  test("a nested repository with fsmonitor and filters is a SCOPE_VIOLATION, and runs nothing outside", async () => {
    const { detail } = await runHostile(
      [
        "git init -q nested && cd nested && git config user.email x@x && git config user.name x && echo x > x && git add x && git commit -qm x",
        `cd nested && git config core.fsmonitor '${mark("fsmonitor")}' && git config filter.f.clean '${mark("filter")}' && echo '* filter=f' > .gitattributes`,
      ],
      "nested",
    );
    expect(detail.job).toMatchObject({ state: "failed", failure: { code: "SCOPE_VIOLATION" }, landedOid: null });
    await noMarks();
  });

  test("hooks, filters, fsmonitor and aliases in the workspace's own git directory stay inert", async () => {
    const { detail } = await runHostile(
      [
        `mkdir -p .git/hooks && for h in pre-commit post-commit pre-push post-checkout post-index-change reference-transaction; do printf '#!/bin/sh\\n%s\\n' '${mark("hook")}' > .git/hooks/$h; chmod +x .git/hooks/$h; done`,
        `git config core.fsmonitor '${mark("fsmonitor")}'; git config filter.f.clean '${mark("clean")}'; git config filter.f.smudge '${mark("smudge")}'; git config diff.external '${mark("diff")}'; git config core.sshCommand '${mark("ssh")}'`,
        "printf '* filter=f diff=f merge=f export-subst ident\\n' > .gitattributes",
      ],
      "inert",
    );
    expect(detail.job.state, JSON.stringify(detail.job.failure)).toBe("done");
    await noMarks();
  });

  test("a git directory that the agent replaced or removed changes nothing", async () => {
    const { detail } = await runHostile(["rm -rf .git && ln -s /etc .git"], "replaced");
    expect(["done", "failed"]).toContain(detail.job.state);
    if (detail.job.state === "done") {
      const hub = join(stack.data, "server", "hub", detail.job.repo.id, "upstream.git");
      expect(await git(hub, "diff", "--name-only", `${detail.job.landedOid}^`, String(detail.job.landedOid))).toBe("good.txt");
    }
    await noMarks();
  });

  test("links out of the workspace are kept as links and never followed", async () => {
    const { detail } = await runHostile(["ln -s /etc/shadow stolen && ln -s ../../../../server/slipway.db db && ln -s /workspace self"], "links");
    expect(detail.job.state, JSON.stringify(detail.job.failure)).toBe("done");
    const hub = join(stack.data, "server", "hub", detail.job.repo.id, "upstream.git");
    expect(await git(hub, "show", `${detail.job.landedOid}:stolen`)).toBe("/etc/shadow");
  });

  test("what the scope denies does not land", async () => {
    const { detail } = await runHostile(["mkdir -p secret && echo x > secret/x"], "denied");
    expect(detail.job).toMatchObject({ state: "failed", failure: { code: "SCOPE_VIOLATION" } });
    expect(JSON.stringify(detail.job.failure)).toContain("secret/x");
  });

  test("nothing of the host is in sight", async () => {
    const look = [
      `ls ${stack.data} 2>&1; ls -d /root/.ssh ${join(stack.data, "tokens")} 2>&1; cat /etc/shadow 2>&1`,
      "env | sort",
      "ls /proc | grep -c '^[0-9]'",
      "cat /proc/net/dev | tail -n +3 | cut -d: -f1 | tr -d ' '",
      "find / -name '*.token' -o -name slipway.db 2>/dev/null | head",
      `(echo x > /dev/tcp/127.0.0.1/${new URL(stack.url).port}) 2>&1 || echo no network`,
    ];
    const { job, detail } = await runHostile([`{ ${look.join("; ")}; } > look.txt 2>&1; cat look.txt; rm look.txt`], "look");
    expect(detail.job.state, JSON.stringify(detail.job.failure)).toBe("done");
    const events = await allEvents(client, job);
    const seen = events.map((event) => JSON.stringify(event.data)).join("\n") + logText(events, "stdout");
    expect(seen).not.toContain("root:");
    expect(seen).not.toMatch(/SLIPWAY_TOKEN|slip_[A-Za-z0-9_-]{20}/);
    expect(seen).not.toContain("admin.token");
    expect(seen).not.toMatch(/slipway\.db$/m);
  });

  test("a daemon that the agent leaves behind is gone with the attempt", async () => {
    const { detail } = await runHostile(["setsid nohup sh -c 'while :; do sleep 0.1; done' >/dev/null 2>&1 & echo started"], "daemon");
    expect(detail.job.state).toBe("done");
    const left = await stack.leftovers();
    expect(left.processes.filter((line) => line.includes("while :"))).toEqual([]);
  });

  test("a marker of one job's sandbox is not seen by the next", async () => {
    await expect(access("/tmp/mark-hook")).rejects.toThrow();
  });
});
