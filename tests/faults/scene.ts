import { join } from "node:path";
import type { Client } from "@slipway/protocol/client";
import type { JobEvent } from "@slipway/protocol/events";
import type { JobDetail, SubmitJobInput } from "@slipway/protocol/job";
import { afterAll, beforeEach, expect, onTestFailed } from "vitest";
import { complaintsAbout, numberedLines } from "../support/event-record.ts";
import { allEvents, ended, submitScript } from "../support/jobs.ts";
import { NOTHING_LEFT } from "../support/leftovers.ts";
import { git, makeRepository, type TestRepository } from "../support/repository.ts";
import { Stack, type StackOptions } from "../support/stack.ts";

/** What a job says, all of it numbered: messages, lines of a shell command, lines of a flood. */
const MESSAGES = 10;
const LINES = 60;
const FLOOD = 1_000;
/** The branch that all jobs land on. */
const TARGET = "trunk";

const CONFIG = {
  version: 1,
  setup: { commands: ["echo setting up; sleep 0.3"] },
  // A turn that ran twice would have written twice. A gate takes long, once, where a job wants to be met in it.
  gates: [
    {
      name: "once",
      run: 'if [ -e slow ]; then rm slow; sleep 9; fi; sleep 0.3; for f in job-*.txt; do test "$(cat $f)" = once || exit 1; done; echo all are right',
    },
  ],
};

/** A container's setup has its network from the engine, which not every machine of a test gives it. */
function configFor({ sandbox }: StackOptions): unknown {
  return sandbox === "docker" ? { ...CONFIG, setup: { ...CONFIG.setup, network: "none" } } : CONFIG;
}

export interface SlowJob {
  readonly id: string;
  readonly file: string;
}

/** A stack with one repository, jobs that take their time and count what they do, and what must hold of them in the end. */
export class Scene implements AsyncDisposable {
  readonly stack: Stack;
  readonly client: Client;
  /** The store that the target lies in. */
  readonly hub: string;
  readonly #repository: TestRepository;
  #jobs = 0;

  private constructor(stack: Stack, client: Client, repository: TestRepository, hub: string) {
    this.stack = stack;
    this.client = client;
    this.#repository = repository;
    this.hub = hub;
  }

  static async open(options: StackOptions = {}): Promise<Scene> {
    const stack = await Stack.start({ slots: 2, verifySlots: 1, ...options });
    const repository = await makeRepository({ "hello.txt": "hello\n", ".gitignore": "slow\n", ".slipway.yaml": JSON.stringify(configFor(options)) });
    const client = await stack.client();
    const { id } = await repository.register(client, "sample");
    return new Scene(stack, client, repository, join(stack.data, "server", "hub", id, "upstream.git"));
  }

  /** A job that counts, in a file that lands, how often its turn ran, and whose output is numbered; it ends with these steps. */
  async submit(more: Partial<SubmitJobInput> = {}, last: readonly unknown[] = []): Promise<SlowJob> {
    this.#jobs += 1;
    const file = `job-${this.#jobs}.txt`;
    const steps = [
      { append: { path: file, content: "once\n" } },
      ...Array.from({ length: MESSAGES }, (_, index) => [{ print: `said ${index + 1}` }, { sleep: 50 }]).flat(),
      { shell: `for i in $(seq ${LINES}); do echo "line $i"; sleep 0.01; done` },
      { flood: { lines: FLOOD, linesPerSecond: 4 * FLOOD, stream: "flood" } },
      ...last,
    ];
    // A repair, where somebody kills a gate, has nothing to do.
    return { id: await submitScript(this.client, "sample", [steps, [{ sleep: 1 }]], { target: TARGET, ...more }), file };
  }

  /** The job is done: it landed once, its record is whole, and the attempt that landed said everything once. */
  async landedOnce({ id, file }: SlowJob): Promise<JobDetail> {
    const detail = await ended(this.client, id);
    expect(detail.job.state, JSON.stringify(detail.job.failure)).toBe("done");
    expect(await this.#commitsOf(id)).toEqual([detail.job.landedOid]);
    expect(await git(this.hub, "show", `${detail.job.landedOid}:${file}`)).toBe("once");
    const events = await allEvents(this.client, id);
    expect(complaintsAbout(events)).toEqual([]);
    const { fence } = detail.job;
    expect(said(events, fence)).toEqual(upTo(MESSAGES));
    expect(numberedLines(events, "stdout", fence)).toEqual(upTo(LINES));
    expect(numberedLines(events, "flood", fence)).toEqual(upTo(FLOOD));
    // An attempt that was given up said a beginning of it.
    for (let earlier = 1; earlier < fence; earlier += 1) {
      for (const numbers of [said(events, earlier), numberedLines(events, "stdout", earlier), numberedLines(events, "flood", earlier)])
        expect(numbers).toEqual(upTo(numbers.length));
    }
    return detail;
  }

  /** The job failed with this code: it landed nothing, and its record is whole. */
  async failedOnce({ id }: SlowJob, code: string): Promise<JobDetail> {
    const detail = await ended(this.client, id);
    expect(detail.job).toMatchObject({ state: "failed", failure: { code }, landedOid: null });
    expect(await this.#commitsOf(id)).toEqual([]);
    expect(complaintsAbout(await allEvents(this.client, id))).toEqual([]);
    return detail;
  }

  /** While the parts run, no attempt has left anything; sandboxes that were started ahead may be there. */
  async nothingOfAttempts(): Promise<void> {
    await expect.poll(() => this.stack.leftovers(), { timeout: 10_000 }).toMatchObject({ mounts: [], attempts: [], worktrees: [] });
  }

  /** After the stack stopped, nothing of it is there but its data. */
  async nothingLeft(): Promise<void> {
    await this.stack.stop();
    expect(await this.stack.leftovers()).toEqual(NOTHING_LEFT);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stack[Symbol.asyncDispose]();
    await this.#repository[Symbol.asyncDispose]();
  }

  /** Commits on the target that say they are this job's. */
  async #commitsOf(job: string): Promise<string[]> {
    if ((await git(this.hub, "for-each-ref", `refs/heads/${TARGET}`)) === "") return [];
    const history = await git(this.hub, "log", "--format=%H %(trailers:key=Slipway-Job,valueonly,separator=)", `refs/heads/${TARGET}`);
    return history.split("\n").flatMap((line) => (line.endsWith(` ${job}`) ? [line.slice(0, line.indexOf(" "))] : []));
  }
}

/**
 * One scene for all tests of a file, as what a kill leaves behind is met by the next; after a failure there is a new one. The target is there from
 * the start, so that each job has something to be merged with.
 */
export function sharedScene(options: StackOptions = {}): () => Scene {
  let scene: Scene | undefined;
  const close = async (): Promise<void> => {
    await scene?.[Symbol.asyncDispose]();
    scene = undefined;
  };
  beforeEach(async () => {
    onTestFailed(close);
    if (scene) return;
    scene = await Scene.open(options);
    await scene.landedOnce(await scene.submit());
  }, 60_000);
  afterAll(close);
  return () => {
    if (!scene) throw new Error("there is no scene before a test begins");
    return scene;
  };
}

/** The numbers of the messages of one attempt. */
function said(events: readonly JobEvent[], fence: number): number[] {
  return events.flatMap((event) => (event.kind === "message" && event.fence === fence ? [Number(event.data.text.replace("said ", ""))] : []));
}

function upTo(last: number): number[] {
  return Array.from({ length: last }, (_, index) => index + 1);
}
