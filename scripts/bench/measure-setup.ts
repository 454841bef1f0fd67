import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { JobEvent } from "@slipway/protocol/events";
import { execa } from "execa";
import { BenchStack } from "./bench-stack.ts";
import { type Figure, figure, quantile } from "./figures.ts";

const FILES = 100;
const PACKAGES = 40;
const FILES_A_PACKAGE = 250;
const ROUNDS = 10;

/** `npm ci` of packages that are in the repository, so that no network is measured, against the jobs behind it that find what it made. */
export async function measureSetup(quick: boolean): Promise<Figure[]> {
  await using stack = await BenchStack.start(["worker", "integrator"]);
  const setup = {
    commands: ["npm ci --offline --no-audit --no-fund --ignore-scripts"],
    inputs: ["package.json", "package-lock.json", "vendor"],
    outputs: ["node_modules"],
    network: "none",
  };
  const { repository, oid } = await stack.repository(FILES, "test -f node_modules/package-0/file-0.js", { config: { setup }, fill: addPackages });
  const times: SetupTimes[] = [];
  for (let round = 0; round <= (quick ? 3 : ROUNDS); round += 1) {
    const script = { turns: [[{ write: { path: "src/new.txt", content: `round ${round}\n` } }]] };
    const job = await stack.submit({ repo: repository.id, task: `bench ${round}`, base: oid, backendConfig: { script } });
    times.push(await timesOf(stack, job.id));
  }
  const [first, ...later] = times;
  if (!first) return [];
  const warm = later.map(({ setupMs, workspaceMs }) => setupMs + workspaceMs);
  const factor = first.setupMs / quantile(warm, 0.5);
  return [
    figure("setup of a job whose layer is there", "ms", warm, { of: "median", limit: 100, side: "below" }, "with the look for it and the whole workspace"),
    figure(`the setup itself: npm ci, ${PACKAGES} packages, ${(PACKAGES * FILES_A_PACKAGE) / 1_000},000 files`, "ms", [first.setupMs]),
    figure("setup layer: how many times faster", "×", [factor]),
  ];
}

interface SetupTimes {
  readonly setupMs: number;
  readonly workspaceMs: number;
}

async function timesOf(stack: BenchStack, id: string): Promise<SetupTimes> {
  const client = stack.client();
  const events: JobEvent[] = [];
  for await (const frame of client.follow(id)) if (frame.type === "event") events.push(frame.event);
  const { job } = await client.call("getJob", { params: { job: id } });
  if (job.state !== "done") throw new Error(`a job of the bench is ${job.state} ${job.failure?.code ?? ""} ${job.failure?.message ?? ""}`);
  const ended = events.flatMap((event) => (event.kind === "phase" && event.data.status === "ended" ? [event.data] : []));
  const of = (phase: string) => ended.find((data) => data.phase === phase);
  return { setupMs: of("setup")?.durationMs ?? Number.NaN, workspaceMs: of("prepare")?.partsMs?.["workspace"] ?? 0 };
}

/** Packages as archives in `vendor/`, and the manifest and lockfile that name them. */
async function addPackages(root: string): Promise<void> {
  const names = Array.from({ length: PACKAGES }, (_, index) => `package-${index}`);
  const scratch = await mkdtemp(join(tmpdir(), "slipway-bench-packages-"));
  try {
    await mkdir(join(root, "vendor"));
    for (const name of names) await pack(join(scratch, name), name, join(root, "vendor", `${name}.tgz`));
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  const dependencies = Object.fromEntries(names.map((name) => [name, `file:vendor/${name}.tgz`]));
  const manifest = { name: "bench", version: "1.0.0", dependencies };
  const locked = names.map((name) => [`node_modules/${name}`, { version: "1.0.0", resolved: `file:vendor/${name}.tgz` }] as const);
  const lock = { name: "bench", version: "1.0.0", lockfileVersion: 3, requires: true, packages: { "": manifest, ...Object.fromEntries(locked) } };
  await writeFile(join(root, "package.json"), JSON.stringify(manifest));
  await writeFile(join(root, "package-lock.json"), JSON.stringify(lock));
  await writeFile(join(root, ".gitignore"), "node_modules\n");
}

async function pack(folder: string, name: string, archive: string): Promise<void> {
  await mkdir(join(folder, "package"), { recursive: true });
  await writeFile(join(folder, "package/package.json"), JSON.stringify({ name, version: "1.0.0" }));
  await Promise.all(
    Array.from({ length: FILES_A_PACKAGE - 1 }, (_, index) => writeFile(join(folder, "package", `file-${index}.js`), `exports.value = ${index};\n`.repeat(20))),
  );
  await execa("tar", ["-czf", archive, "-C", folder, "package"]);
}
