import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { Client } from "@slipway/protocol/client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runAttempt } from "../../apps/worker/src/job/run-attempt.ts";
import { KINDS } from "../sandbox/kinds.ts";
import { TestAttempt } from "../support/attempt-context.ts";
import { allEvents, ended, logText, submitScript } from "../support/jobs.ts";
import { Life } from "../support/mortal-worker.ts";
import { noisePng } from "../support/png.ts";
import { ProcessProvider } from "../support/process-sandbox.ts";
import { git, makeRepository, type TestRepository } from "../support/repository.ts";
import { Stack } from "../support/stack.ts";

/** Images of a job on their way to the script backend, in each kind of sandbox. */

const SHOT = noisePng(40, 30, "shot");
const BUTTON = noisePng(4, 3, "button");
const IMAGES = [
  { name: "shot.png", data: SHOT.toString("base64") },
  { name: "Knopf ☃.jpg", data: BUTTON.toString("base64") },
];
const digest = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");
const TOLD = [`shot.png: image/png, ${SHOT.length} bytes, ${digest(SHOT)}`, `Knopf ☃.jpg: image/png, ${BUTTON.length} bytes, ${digest(BUTTON)}`].join("\n");

const KINDS_HERE = (["bwrap", "none", "docker"] as const).filter((kind) => KINDS.includes(kind));
const GATE = "setup:\n  commands: [echo ready]\n  network: none\ngates:\n  - {name: seen, run: grep -q again seen}\n";
/** Looks where the prompt says. */
const LOOK = "for path in $(grep -o '/[^ ]*[.]png$' prompt); do sha256sum $path; done";
/** Tries to change what is there. Without a sandbox the agent is the user, who may. */
const SPOIL =
  'for path in $(grep -o "/[^ ]*[.]png$" prompt); do (echo x > "$path") 2>/dev/null && echo changed; rm -f "$path" 2>/dev/null && echo removed; done; true';

describe.each(KINDS_HERE)("images of a job in the %s sandbox", (sandbox) => {
  let stack: Stack;
  let repository: TestRepository;
  let client: Client;

  beforeAll(async () => {
    stack = await Stack.start({ sandbox });
    client = await stack.client();
    repository = await makeRepository({ ".slipway.yaml": GATE, ".gitignore": "prompt\n" });
    await repository.register(client, "seen");
  }, 60_000);

  afterAll(async () => {
    await stack?.[Symbol.asyncDispose]();
    await repository?.[Symbol.asyncDispose]();
  });

  test("are files that the agent can read in each turn and not change, named by the prompt, and no part of the change", async () => {
    const first = [
      { readPrompt: "prompt" },
      { images: true },
      { shell: sandbox === "none" ? LOOK : `${LOOK}; ${SPOIL}` },
      { write: { path: "seen", content: "once\n" } },
    ];
    const repair = [{ images: true }, { write: { path: "seen", content: "again\n" } }];
    for (const _ of ["first", "second, for which a sandbox was started ahead"]) {
      const job = await submitScript(client, "seen", [first, repair], { images: IMAGES });
      const detail = await ended(client, job);
      expect(detail.job, JSON.stringify(detail.job.failure)).toMatchObject({ state: "done", diffStat: { files: 1 } });
      const events = await allEvents(client, job);
      const told = events.flatMap((event) => (event.kind === "message" && event.data.text.includes("image/png") ? [event.data.text] : []));
      expect(told).toEqual([TOLD, TOLD]);
      const seen = logText(events, "stdout");
      expect(seen).toContain(digest(SHOT));
      expect(seen).toContain(digest(BUTTON));
      expect(seen).not.toMatch(/changed|removed/);
    }
  }, 120_000);

  test("come to a read-only job too", async () => {
    const job = await submitScript(client, "seen", [[{ images: true }]], { images: IMAGES, readOnly: true });
    expect((await ended(client, job)).job.state).toBe("done");
    expect(Buffer.from(await client.artifact(job, "answer.md")).toString()).toBe(TOLD);
  }, 60_000);
});

describe("an attempt with images", () => {
  const told = [{ name: "shot.png", type: "image/png" as const, bytes: SHOT.length, sha256: digest(SHOT) }];
  const files = { ".slipway.yaml": "gates: []\n", sum: "3\n" };

  test("whose worker is killed before or behind the fetch brings them once more, or not at all, and the turn has them", async () => {
    for (const [isWritten, fetches] of [
      [false, 2],
      [true, 1],
    ] as const) {
      const provider = new ProcessProvider(["echo 2 > sum"]);
      await using attempt = await TestAttempt.make({ files, provider, job: { images: told } });
      attempt.images.push(SHOT);
      const first = new Life({ write: "journal images", isWritten });
      await expect(runAttempt(await attempt.context({ life: first }))).rejects.toThrow();
      expect(first.isOver).toBe(true);
      expect(await runAttempt(await attempt.context())).toMatchObject({ kind: "change" });
      expect(attempt.imageFetches).toBe(fetches);
      const [image] = provider.sandboxes.at(0)?.requests.at(0)?.images ?? [];
      expect(await readFile(image?.path ?? "")).toEqual(SHOT);
      expect(image).toMatchObject({ name: "shot.png", type: "image/png" });
      expect(await git(`${attempt.hubRoot}/jobs.git`, "ls-tree", "-r", "--name-only", `refs/slipway/jobs/${attempt.job.id}/1`)).toBe(".slipway.yaml\nsum");
    }
  });

  test("that come damaged is JOB_IMAGE_MISSING, before a turn", async () => {
    const provider = new ProcessProvider(["echo 2 > sum"]);
    await using attempt = await TestAttempt.make({ files, provider, job: { images: told } });
    attempt.images.push(BUTTON);
    await expect(runAttempt(await attempt.context())).rejects.toMatchObject({ code: "JOB_IMAGE_MISSING", details: { image: "shot.png" } });
    expect(provider.calls).not.toContain("turn turn-1");
  });
});
