import type { JobDetail } from "@slipway/protocol/job";
import type { LandingStyle } from "@slipway/protocol/landing";
import { expect } from "vitest";
import type { LandingBench } from "./landing-bench.ts";
import { git } from "./repository.ts";

/**
 * What a job's change is: a file of its own, a line that all changes of this sort want otherwise, a file that every tree with it is red for, or one that makes
 * the first tree with it that is verified red, and no other.
 */
export type ChangeKind = "own" | "conflict" | "bad" | "flaky";

/** Jobs of one target, in the order in which they are ready, and what happens when so many verifications have begun. */
export interface History {
  readonly changes: readonly ChangeKind[];
  /** What the target's `.slipway.yaml` says of landing; the repository's own where it is missing. */
  readonly landing?: { readonly style: LandingStyle; readonly parallel: number; readonly batch: number };
  /** Somebody pushes into the target. */
  readonly pushesAt: readonly number[];
  /** `kill -9` of the integrator, and a new one. */
  readonly killsAt: readonly number[];
}

interface Played {
  readonly details: JobDetail[];
  readonly pushed: string[];
  /** Trees that were verified and found green. */
  readonly green: ReadonlySet<string>;
}

/** Plays a history on a target of its own, with real git, server and integrators, until every job has ended. */
export async function playHistory(bench: LandingBench, { changes, landing, pushesAt, killsAt }: History, target: string): Promise<Played> {
  const jobs: string[] = [];
  const base = landing ? await startTarget(bench, target, landing) : "main";
  for (const [index, kind] of changes.entries()) jobs.push(await bench.finishedJob(target, filesOf(kind, index), base));
  const green = new Set<string>();
  const pushed: string[] = [];
  let begun = 0;
  let hasFlaked = false;
  const failures: unknown[] = [];
  let disturbing: Promise<void> = Promise.resolve();
  const next = (act: () => Promise<unknown>): void => {
    disturbing = disturbing.then(async () => void (await act())).catch((error: unknown) => void failures.push(error));
  };
  const disturb = (count: number): void => {
    if (killsAt.includes(count)) {
      next(() => bench.killIntegrator());
      next(() => bench.startIntegrator());
    }
    if (pushesAt.includes(count)) {
      next(async () => {
        if (await pushInto(bench, target, `pushed-${target}-${count}.txt`)) pushed.push(`pushed-${target}-${count}.txt`);
      });
    }
  };
  bench.verifier = async ({ verify }) => {
    begun += 1;
    disturb(begun);
    const files = await bench.filesOf(verify?.mergedOid ?? "");
    if (files.some((path) => path.endsWith(".bad"))) return 1;
    if (!hasFlaked && files.some((path) => path.endsWith(".flaky"))) {
      hasFlaked = true;
      return 1;
    }
    green.add(verify?.tree ?? "");
    return 0;
  };
  await bench.startIntegrator();
  const details = await Promise.all(jobs.map((id) => bench.ended(id)));
  await disturbing;
  if (failures.length > 0) throw new AggregateError(failures, "what was to happen meanwhile did not");
  await bench.killIntegrator("SIGTERM");
  return { details, pushed, green };
}

/** Makes the target, with a file that says how changes land on it. */
async function startTarget(bench: LandingBench, target: string, { style, parallel, batch }: NonNullable<History["landing"]>): Promise<string> {
  const text = `gates:\n  - name: test\n    run: node --test\nlanding: { revisions: 0, style: ${style}, train: { parallel: ${parallel}, batch: ${batch} } }\n`;
  const oid = await git(bench.repository.root, "rev-parse", "main");
  await bench.admin.call("syncBranch", { params: { repo: bench.repo }, body: { branch: target, oid } });
  await bench.moveBranch(target, { ".slipway.yaml": text });
  return target;
}

/** As people push: again where something landed in between. False where the target is not there yet. */
async function pushInto(bench: LandingBench, target: string, path: string): Promise<boolean> {
  for (;;) {
    if ((await bench.branch(target)).oid === null) return false;
    try {
      await bench.moveBranch(target, { [path]: "mine\n" });
      return true;
    } catch (error) {
      if ((error as { code?: string }).code !== "CONFLICT") throw error;
    }
  }
}

function filesOf(kind: ChangeKind, index: number): Record<string, string> {
  const name = `change-${String(index).padStart(3, "0")}`;
  if (kind === "conflict") return { "a.txt": `one\n${name}\nthree\n` };
  return { [`${name}.${kind === "own" ? "txt" : kind}`]: `${name}\n` };
}

/** Holds what came out against what has to: no loss, no second landing, the order kept, and what landed is what was tested. */
export async function checkHistory(bench: LandingBench, { changes, landing }: History, target: string, { details, pushed, green }: Played): Promise<void> {
  const ends = details.map(({ job }, index) => ({ kind: changes[index], state: job.state, code: job.failure?.code, landedOid: job.landedOid }));
  const context = JSON.stringify(ends);
  const conflicting = ends.filter(({ kind }) => kind === "conflict");
  for (const { kind, state, code } of ends) {
    if (kind === "own" || kind === "flaky") expect(state, context).toBe("done");
    if (kind === "bad") expect(code, context).toBe("GATES_FAILED");
  }
  expect(conflicting.filter(({ state }) => state === "done").length, context).toBe(Math.min(1, conflicting.length));
  expect(conflicting.filter(({ code }) => code === "MERGE_CONFLICT").length, context).toBe(Math.max(0, conflicting.length - 1));

  const { oid } = await bench.branch(target);
  if (oid === null) {
    expect(
      ends.every(({ state }) => state !== "done"),
      context,
    ).toBe(true);
    return;
  }
  // Of a merge the first parent is what the target was.
  const line = (await bench.hubGit("log", "--first-parent", "--reverse", "--format=%H", oid)).split("\n");
  const landed = ends.flatMap(({ landedOid }) => landedOid ?? []);
  expect(new Set(landed).size).toBe(landed.length);
  const places = landed.map((one) => line.indexOf(one));
  expect(places).not.toContain(-1);
  // A red that was none costs its change its place, and a red batch costs it all that are in it.
  const hasRedBatch = landing !== undefined && landing.batch > 1 && changes.includes("bad");
  if (!changes.includes("flaky") && !hasRedBatch) expect(places, context).toEqual(places.toSorted((a, b) => a - b));
  // Nothing else is there but the start and what was pushed.
  expect(line.length, context).toBe((landing ? 2 : 1) + landed.length + pushed.length);

  const files = (await bench.hubGit("ls-tree", "-r", "--name-only", oid)).split("\n");
  for (const path of pushed) expect(files).toContain(path);
  for (const [index, { kind, state }] of ends.entries()) {
    if (state === "done" && kind) for (const path of Object.keys(filesOf(kind, index))) expect(files).toContain(path);
  }
  const tested = new Map(details.flatMap(({ completion }) => (completion?.landedOid ? [[completion.landedOid, completion.testedOid] as const] : [])));
  for (const { job, receipts, completion } of details) {
    if (job.landedOid === null) continue;
    const testedOid = completion?.testedOid ?? "";
    if ((landing?.batch ?? 1) === 1) expect(testedOid).toBe(job.landedOid);
    // What lies between a commit and the one that it was tested as was tested as that one too.
    const [from, to] = [line.indexOf(job.landedOid), line.indexOf(testedOid)];
    expect(to, context).toBeGreaterThanOrEqual(from);
    expect(to - from, context).toBeLessThan(landing?.batch ?? 1);
    for (const between of line.slice(from, to + 1)) expect(tested.get(between), context).toBe(testedOid);
    const tree = await bench.hubGit("rev-parse", `${testedOid}^{tree}`);
    expect(green.has(tree)).toBe(true);
    expect(receipts.some((receipt) => receipt.tree === tree && receipt.exitCode === 0)).toBe(true);
  }
}
