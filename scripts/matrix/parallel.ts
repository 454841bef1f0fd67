/**
 * Many jobs at once, in bubblewrap and, where an engine answers, in containers: all must land, and afterwards the installation must have as many containers,
 * mounts, processes and bytes of its jobs as before; after its stop, none. Prints both counts; ends with 1 where a job failed or something is left.
 * Takes minutes, and so is no part of the bench or of CI: `node scripts/matrix/parallel.ts [--jobs 20] [--slots 20] [--sandbox docker]…`.
 */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { isDeepStrictEqual, parseArgs } from "node:util";
import { familyOf, processTable } from "@slipway/process/process-table";
import type { Client } from "@slipway/protocol/client";
import { execa } from "execa";
import { WORKER_LABEL } from "../../apps/worker/src/sandbox/docker/labels.ts";
import { testImage, withoutEngine } from "../../tests/support/docker-image.ts";
import { ended, submitScript } from "../../tests/support/jobs.ts";
import { makeRepository } from "../../tests/support/repository.ts";
import { Stack } from "../../tests/support/stack.ts";

const PARTS = ["server", "worker", "integrator"] as const;
const LOOK_MS = 500;
/** Homes of jobs that have landed are swept every two minutes. */
const SETTLE_LIMIT_MS = 240_000;
/** What belongs to single jobs, below the worker's folder. The rest is shared: stores and bases grow with what lands, and are aged and bounded by themselves. */
const OF_JOBS = ["attempts", "sandboxes", "homes", "claims"];
/** Of both: what waits for jobs is counted before and after. */
const WARM = 2;

/** What an installation has on this machine. */
interface Count {
  readonly containers: number;
  readonly mounts: number;
  readonly processes: number;
  readonly sockets: number;
  /** Kept until their job is final. */
  readonly homes: number;
  /** Entries below `OF_JOBS`. */
  readonly entries: number;
}

const { values } = parseArgs({
  options: {
    jobs: { type: "string", default: "20" },
    slots: { type: "string", default: "20" },
    sandbox: { type: "string", multiple: true, default: ["bwrap", "docker"] },
  },
});

/** Why there are no containers here; undefined where an engine answers. */
const engineMissing = await withoutEngine();
let failures = 0;
for (const sandbox of (["bwrap", "docker"] as const).filter((each) => values.sandbox.includes(each))) {
  const missing = sandbox === "docker" ? engineMissing : undefined;
  if (missing === undefined) failures += await runMany(sandbox, Number(values.jobs), Number(values.slots));
  else console.log(`left out: ${sandbox}: ${missing}`);
}
process.exitCode = failures > 0 ? 1 : 0;

/** Answers what went wrong: jobs that did not land, and counts that differ. */
async function runMany(sandbox: "bwrap" | "docker", jobs: number, slots: number): Promise<number> {
  const image = sandbox === "docker" ? ["--image", await testImage()] : [];
  await using stack = await Stack.start({ sandbox, slots, verifySlots: 2, workerFlags: [...image, "--warm-max", String(WARM)] });
  await using repository = await makeRepository({ "a.txt": "a\n", ".slipway.yaml": "version: 1\ngates:\n  - name: there\n    run: ls job-*.txt\n" });
  const client = await stack.client();
  await repository.register(client, "sample");
  const submit = async (index: number): Promise<string> =>
    await submitScript(client, "sample", [[{ write: { path: `job-${index}.txt`, content: `${index}\n` } }, { shell: "sleep 2; git status --short" }]], {
      target: `job-${index}`,
      maxAttempts: 1,
    });
  await ended(client, await submit(0));
  const before = await settled(stack, undefined);
  const ownBytesBefore = await bytesOfJobs(stack.data);
  const startedAt = performance.now();
  const submitted = await Promise.all(Array.from({ length: jobs }, (_, index) => submit(index + 1)));
  const peak = watchPeak(client);
  const details = await Promise.all(submitted.map((job) => ended(client, job)));
  const tookMs = performance.now() - startedAt;
  const failed = details.filter(({ job }) => job.state !== "done");
  for (const { job } of failed) console.log(`job ${job.number}: ${job.state} ${JSON.stringify(job.failure)}`);
  const after = await settled(stack, before);
  const ownBytesAfter = await bytesOfJobs(stack.data);
  const label = await labelOf(stack.data);
  await stack.stop();
  const stopped = await settled(stack, { containers: 0, mounts: 0, processes: 0, sockets: 0, homes: 0, entries: after.entries }, label);
  console.log(`${sandbox}: ${jobs} jobs, at most ${await peak.stop()} at once, in ${(tookMs / 1_000).toFixed(1)} s; ${failed.length} failed`);
  console.table({ before: { ...before, ownBytes: ownBytesBefore }, after: { ...after, ownBytes: ownBytesAfter }, stopped });
  const isLeft = !isDeepStrictEqual(after, before) || ownBytesAfter !== ownBytesBefore;
  const isLeftAtTheEnd = stopped.containers + stopped.mounts + stopped.processes + stopped.sockets > 0;
  if (isLeft) console.log(`${sandbox}: not as before`);
  if (isLeftAtTheEnd) console.log(`${sandbox}: something is left after the stop`);
  return failed.length + Number(isLeft) + Number(isLeftAtTheEnd);
}

/** The count that is wanted, as soon as it is there, else the last one; without one, the first that stays as it is. */
async function settled(stack: Stack, wanted: Count | undefined, label?: string): Promise<Count> {
  const endAt = performance.now() + SETTLE_LIMIT_MS;
  let last = await count(stack, label);
  for (let same = 0; performance.now() < endAt; ) {
    if (wanted && isDeepStrictEqual(last, wanted)) return last;
    await sleep(LOOK_MS);
    const next = await count(stack, label);
    same = isDeepStrictEqual(next, last) ? same + 1 : 0;
    last = next;
    // The pool waits a second after each job, and a sandbox takes some more to start.
    if (!wanted && same >= 12 && last.homes === 0) return last;
  }
  return last;
}

async function count(stack: Stack, label = ""): Promise<Count> {
  const { processes, mounts, sockets } = await stack.leftovers();
  // While it runs, what it has started: what others start meanwhile may have its mounts in sight.
  const isUp = label === "";
  const own = isUp ? familyOf(processTable().list(undefined), { pids: PARTS.map((part) => stack.pid(part)) }) : processes;
  const entries = await Promise.all(OF_JOBS.map((name) => readdir(join(stack.data, "worker", name))));
  return {
    containers: await containers(isUp ? await labelOf(stack.data) : label),
    mounts: mounts.length,
    processes: own.length,
    sockets: sockets.length,
    homes: entries[OF_JOBS.indexOf("homes")]?.length ?? 0,
    entries: entries.flat().length,
  };
}

async function labelOf(data: string): Promise<string> {
  return (JSON.parse(await readFile(join(data, "worker/identity.json"), "utf8")) as { workerId: string }).workerId;
}

async function containers(label: string): Promise<number> {
  if (engineMissing !== undefined) return 0;
  const { stdout } = await execa("docker", ["ps", "--all", "--quiet", "--filter", `label=${WORKER_LABEL}=${label}`]);
  return stdout.split("\n").filter(Boolean).length;
}

/** Of what belongs to single jobs, and not of what waits for them: that is counted by its entries. */
async function bytesOfJobs(data: string): Promise<number> {
  const folders = OF_JOBS.filter((name) => name !== "sandboxes").map((name) => join(data, "worker", name));
  const { stdout } = await execa("find", [...folders, "-type", "f", "-printf", "%s\\n"]);
  return stdout.split("\n").reduce((sum, line) => sum + Number(line), 0);
}

/** The most jobs that run at the same time. */
function watchPeak(client: Client): { stop(): Promise<number> } {
  const over = new AbortController();
  const watching = (async () => {
    let peak = 0;
    while (!over.signal.aborted) {
      const { jobs } = await client.call("listJobs", { query: { state: ["running"], limit: 200 } }).catch(() => ({ jobs: [] }));
      peak = Math.max(peak, jobs.length);
      await sleep(LOOK_MS, undefined, { signal: over.signal }).catch(() => undefined);
    }
    return peak;
  })();
  return {
    stop: () => {
      over.abort();
      return watching;
    },
  };
}
