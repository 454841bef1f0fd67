import { randomUUID } from "node:crypto";
import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Client } from "@slipway/protocol/client";
import type { JobEvent } from "@slipway/protocol/events";
import type { JobDetail } from "@slipway/protocol/job";
import { allEvents, ended, logText, submitScript } from "./jobs.ts";
import { git, makeRepository, type TestRepository } from "./repository.ts";
import { Stack, type StackOptions } from "./stack.ts";

/** A setup whose every run tells itself apart, with the lock file's words in what it makes. */
export const SETUP =
  "mkdir -p node_modules/.bin packages/a/node_modules && cat lock > node_modules/lock && echo linked > packages/a/node_modules/b && date +%s%N > node_modules/run";
export const CONFIG = (setup: object, gate = "test -s node_modules/run"): string =>
  JSON.stringify({
    setup: { commands: [SETUP], inputs: ["lock"], outputs: ["node_modules", "packages/*/node_modules"], network: "none", ...setup },
    gates: [{ name: "has", run: gate }],
  });
export const FILES = { lock: "one\n", "packages/a/code": "1", ".gitignore": "node_modules\n", ".slipway.yaml": CONFIG({}) };
export const SHOW = "cat node_modules/run node_modules/lock packages/a/node_modules/b; git status --porcelain";

export interface SetupScene extends AsyncDisposable {
  readonly stack: Stack;
  readonly client: Client;
  readonly repository: TestRepository;
  /** Runs a job of the script backend to its end. */
  run(steps: unknown[], more?: Parameters<typeof submitScript>[3]): Promise<{ detail: JobDetail; events: JobEvent[]; said: string }>;
  submit(steps: unknown[]): Promise<string>;
  /** The layers that have come since the scene began. */
  layers(): Promise<string[]>;
  /** Changes a file on the default branch, as people do, and has the server fetch it. */
  commit(path: string, content: string): Promise<void>;
}

/** A repository with a setup, on a stack of its own or, where one is given, on that. */
export async function setupScene(where: Stack | StackOptions = {}, files: Record<string, string> = FILES): Promise<SetupScene> {
  const stack = where instanceof Stack ? where : await Stack.start({ slots: 2, verifySlots: 1, ...where });
  const repository = await makeRepository(files);
  const client = await stack.client();
  const { name } = await repository.register(client, `sample-${randomUUID()}`);
  const all = async (): Promise<string[]> => await readdir(join(stack.data, "worker/setup-layers"));
  const before = new Set(await all());
  const submit = (steps: unknown[], more?: Parameters<typeof submitScript>[3]): Promise<string> => submitScript(client, name, [steps], more);
  return {
    stack,
    client,
    repository,
    submit,
    async run(steps, more) {
      const detail = await ended(client, await submit(steps, more));
      const events = await allEvents(client, detail.job.id);
      return { detail, events, said: logText(events, "stdout") };
    },
    async commit(path, content) {
      await writeFile(join(repository.root, path), content);
      await git(repository.root, "commit", "--quiet", "--all", "--message", "Change");
      await client.call("syncRepository", { params: { repo: name }, body: {} });
    },
    layers: async () => (await all()).filter((layer) => !before.has(layer)),
    async [Symbol.asyncDispose]() {
      if (stack !== where) await stack[Symbol.asyncDispose]();
      await repository[Symbol.asyncDispose]();
    },
  };
}

export function setupDetail(events: readonly JobEvent[]): string | undefined {
  for (const event of events) if (event.kind === "phase" && event.data.phase === "setup" && event.data.status === "ended") return event.data.detail;
  return undefined;
}
