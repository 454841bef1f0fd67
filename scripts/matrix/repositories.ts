/**
 * Repositories of many shapes in workspaces of every kind that works here: each is clean for git, takes an agent's changes, and gives the daemon's commit of them,
 * whose tree is compared with a plain checkout's. Prints times and bytes, with `git worktree add` of the same run beside them; ends with 1 where anything
 * is not as it should be. Takes many minutes and some GB, and so is no part of the bench or of CI:
 * `node scripts/matrix/repositories.ts [--kind overlay]… [--shape "deep tree"]… [--folder DIR]`.
 */
import { appendFile, chmod, mkdtemp, readdir, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual, parseArgs } from "node:util";
import { WORKSPACE_KINDS, type WorkspaceKind } from "@slipway/protocol/workspace-kind";
import { treeSnapshot } from "../../tests/support/tree-snapshot.ts";
import { BigRepository, type Shape } from "../bench/big-repository.ts";
import { quantile } from "../bench/figures.ts";
import { statusMs, WorkspaceYard } from "../bench/workspace-yard.ts";

const SHAPES: Readonly<Record<string, Shape>> = {
  "50,000 files": { files: 50_000 },
  "200,000 files": { files: 200_000 },
  "deep tree": { files: 2_000, depth: 100 },
  "big binaries": { files: 2_000, bigFiles: 1, bigBytes: 200_000_000 },
  "many binaries": { files: 2_000, bigFiles: 25 },
  submodules: { files: 2_000, submodules: 20 },
};
const ROUNDS = 3;
/** Of what an agent does. */
const CHANGED = 20;
const ADDED = 50;

const { values } = parseArgs({
  options: {
    kind: { type: "string", multiple: true, default: [...WORKSPACE_KINDS] },
    shape: { type: "string", multiple: true, default: Object.keys(SHAPES) },
    folder: { type: "string", default: tmpdir() },
  },
});

let failures = 0;
const rows: Array<Record<string, string | number>> = [];
for (const [name, shape] of Object.entries(SHAPES).filter(([each]) => values.shape.includes(each))) {
  for (const kind of WORKSPACE_KINDS.filter((each) => values.kind.includes(each))) {
    const row = await measure(shape, kind).catch((error: unknown) => {
      failures += 1;
      return { failure: error instanceof Error ? error.message.slice(0, 300) : String(error) };
    });
    if (row === undefined) continue;
    rows.push({ shape: name, kind, ...row });
    console.log(JSON.stringify(rows.at(-1)));
  }
}
console.table(rows);
process.exitCode = failures > 0 ? 1 : 0;

/** All times in ms, the median where something is done more than once; `own` is what a workspace takes of the disk, in MiB. Undefined where the kind does not work here. */
async function measure(shape: Shape, kind: WorkspaceKind): Promise<Record<string, string | number> | undefined> {
  const folder = await mkdtemp(join(values.folder, "slipway-matrix-"));
  try {
    const repository = await BigRepository.make(folder, shape);
    const oid = await repository.commit();
    const opened = await WorkspaceYard.open(folder, repository.hub, kind).catch((error: unknown) => String(error));
    if (typeof opened === "string") {
      console.log(`left out: ${kind}: ${opened}`);
      return undefined;
    }
    await using yard = opened;
    const bar = await yard.worktreeAdd(oid);
    const first = await yard.add(oid);
    await yard.bases.settled();
    const [again, removal]: [number[], number[]] = [[], []];
    for (let round = 0; round < ROUNDS; round += 1) {
      const { name, tookMs } = await yard.add(oid);
      again.push(tookMs);
      removal.push(await yard.remove(name));
    }
    const { name, workspace } = await yard.add(oid);
    const own = await yard.ownMiB(name);
    const status = await statusMs(workspace);
    await workLikeAnAgent(workspace);
    const commit = await yard.commit(workspace, oid);
    await expectSame(workspace, yard, commit.oid, join(folder, "checkout"));
    const landing = await yard.add(await repository.commit([1, 77, 1_000, 1_999]));
    await statusMs(landing.workspace);
    const times = { worktreeAdd: bar, first: first.tookMs, again: quantile(again, 0.5), status, commit: commit.tookMs, landing: landing.tookMs };
    const rounded = Object.entries({ ...times, removal: quantile(removal, 0.5) }).map(([key, value]) => [key, Math.round(value)] as const);
    return { ...Object.fromEntries(rounded), changes: commit.changes, own: Math.round(own * 100) / 100 };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Changes, adds, deletes and moves files, as a change of some size does. */
async function workLikeAnAgent(workspace: string): Promise<void> {
  const files = (await textFiles(workspace, CHANGED + 2)).toSorted();
  const [deleted = "", moved = "", ...changed] = files;
  for (const file of changed) await appendFile(file, "one more line\n");
  await rm(deleted);
  await rename(moved, `${moved}.moved`);
  await chmod(changed[0] ?? "", 0o755);
  for (let index = 0; index < ADDED; index += 1) await writeFile(join(workspace, `added-${index}.txt`), `${index}\n`.repeat(10));
}

/** The first files that are found in the depth of a folder. */
async function textFiles(root: string, count: number): Promise<string[]> {
  const found: string[] = [];
  for (const entry of (await readdir(root, { withFileTypes: true })).toSorted((a, b) => a.name.localeCompare(b.name))) {
    if (found.length >= count) break;
    if (entry.isDirectory() && entry.name !== ".git") found.push(...(await textFiles(join(root, entry.name), count - found.length)));
    else if (entry.name.endsWith(".txt")) found.push(join(root, entry.name));
  }
  return found;
}

/** Throws where a plain checkout of the commit has another file than the workspace that it was made of. */
async function expectSame(workspace: string, yard: WorkspaceYard, oid: string, checkout: string): Promise<void> {
  await yard.checkOut(oid, checkout);
  const [made, expected] = [await treeSnapshot(workspace), await treeSnapshot(checkout)];
  if (isDeepStrictEqual(made, expected)) return;
  const different = [...new Set([...Object.keys(made), ...Object.keys(expected)])].filter((path) => made[path] !== expected[path]);
  throw new Error(`the commit's tree is not the workspace's: ${different.slice(0, 5).join(", ")} (${different.length} paths)`);
}
