import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { describeCheckout } from "@slipway/git/checkout";
import type { JobEvent } from "@slipway/protocol/events";
import type { JobDetail } from "@slipway/protocol/job";
import type { SandboxKind } from "@slipway/protocol/sandbox-kind";
import type { Command } from "commander";
import { type Checkout, publish } from "../checkout/publish.ts";
import { readGit } from "../checkout/read-git.ts";
import { takeResult } from "../checkout/take-result.ts";
import { type Connection, connect, disconnect, JOB_PARTS } from "../connection.ts";
import { DEMO_JOBS, type DemoJob } from "../demo/demo-jobs.ts";
import { makeSampleRepository } from "../demo/sample-repository.ts";
import { EXIT_CODES } from "../exit-codes.ts";
import { BoardView } from "../follow/board-view.ts";
import { followJob } from "../follow/follow-job.ts";
import { Interrupts } from "../follow/interrupts.ts";
import { ProgressView } from "../follow/progress-view.ts";
import { printStackReport } from "../stack/print-report.ts";
import { probeBubblewrap } from "../stack/sandbox-probe.ts";
import type { Screen } from "../terminal/screen.ts";
import { isInPath, shellWord } from "../terminal/shell.ts";
import { plural, printable, wrap } from "../terminal/text.ts";
import { exitWith, parseSandbox, screenOf } from "./options.ts";

const TARGET = "main";

interface DemoOptions {
  readonly json?: boolean;
  readonly folder?: string;
  readonly sandbox?: SandboxKind;
}

interface DemoResult {
  readonly demo: DemoJob;
  readonly detail: JobDetail;
  readonly complaint: string | undefined;
}

export function addDemo(program: Command): void {
  program
    .command("demo")
    .summary("see it work: three jobs on a sample repository")
    .description("Makes a small sample repository, starts everything for it and runs three scripted jobs side by side. No model, no key, no network.")
    .option("--json", "one JSON document on standard output")
    .option("--folder <folder>", "where to make it (default: a new folder among the temporary ones)")
    .option("--sandbox <kind>", "bwrap, docker or none (default: bwrap where it works)", parseSandbox)
    .action(demoCommand);
}

async function demoCommand(options: DemoOptions): Promise<void> {
  const screen = screenOf(options);
  const folder = options.folder ? resolve(options.folder) : await mkdtemp(join(tmpdir(), "slipway-demo-"));
  const repository = join(folder, "calc");
  await mkdir(repository, { recursive: true });
  await makeSampleRepository(repository);
  const checkout = await describeCheckout(repository);
  screen.progress(`${screen.colors.bold("Slipway demo")}  a sample library in ${repository}`);
  const sandbox = options.sandbox ?? (await chooseSandbox(screen));
  // A folder of its own, whatever SLIPWAY_URL and SLIPWAY_DATA say.
  const connection = await connect({ data: join(folder, "data"), start: JOB_PARTS, sandbox, onReport: (report) => printStackReport(screen, report) });
  using interrupts = new Interrupts(() => interrupts.abort());
  try {
    const results = await runJobs(screen, connection, checkout, interrupts.signal);
    await conclude(screen, connection, checkout, results, folder);
  } catch (error) {
    if (!interrupts.pressed) throw error;
    exitWith(EXIT_CODES.interrupted.code);
  } finally {
    await disconnect(connection, "now");
    // What was cut off is of no use to anybody, unless it was to be in that very place.
    if (interrupts.pressed && !options.folder) await rm(folder, { recursive: true, force: true });
  }
}

/** The demo's agent is a script of our own, so that it may run without a sandbox where there is none – and says so. */
async function chooseSandbox(screen: Screen): Promise<SandboxKind> {
  const probe = await probeBubblewrap();
  if (probe.ok) {
    screen.progress(screen.colors.dim(`Each job runs in a sandbox of its own (${probe.found}).`));
    return "bwrap";
  }
  screen.warn(
    `No bubblewrap here (${probe.found}), so the demo runs with sandbox: none – without isolation. Its agent is only a script; for real agents: apt install bubblewrap.`,
  );
  return "none";
}

async function runJobs(screen: Screen, connection: Connection, checkout: Checkout, signal: AbortSignal): Promise<DemoResult[]> {
  const [{ repository, baseOid }] = await Promise.all([publish(connection, checkout, { into: TARGET, includeDirty: false }), connection.stack?.complete]);
  const jobs = await Promise.all(
    DEMO_JOBS.map(({ title, task, script }) =>
      connection.client.call("submitJob", {
        body: { repo: repository.id, task, title, backend: "script", backendConfig: { script }, base: baseOid, target: TARGET, lane: "interactive" },
      }),
    ),
  );
  screen.progress();
  screen.progress("Three jobs, side by side:");
  for (const { title, about } of DEMO_JOBS) screen.progress(`  ${title.padEnd(14)} ${screen.colors.dim(about)}`);
  screen.progress();
  using board =
    screen.interactive && !screen.json
      ? new BoardView(
          screen,
          DEMO_JOBS.map(({ title }) => title),
        )
      : undefined;
  return await Promise.all(
    DEMO_JOBS.map(async (demo, index) => {
      const job = jobs[index]?.job;
      if (!job) throw new TypeError("a submitted job has no answer");
      const events: JobEvent[] = [];
      const lines = new ProgressView(screen, { label: demo.title.padEnd(14) });
      const onEvent = (event: JobEvent): void => {
        events.push(event);
        if (board) board.show(index, event);
        else lines.show(event);
      };
      const detail = await followJob(connection.client, job.id, screen, { signal, onEvent });
      return { demo, detail, complaint: demo.complaint(detail.job, events) };
    }),
  );
}

async function conclude(screen: Screen, connection: Connection, checkout: Checkout, results: readonly DemoResult[], folder: string): Promise<void> {
  const landed = results.filter(({ detail }) => detail.job.landedOid !== null);
  const hub = await connection.client.call("getBranch", { params: { repo: results[0]?.detail.job.repo.id ?? "" }, query: { branch: TARGET } });
  const newest = landed.find(({ detail }) => detail.job.landedOid === hub.oid);
  if (newest) await takeResult(connection, newest.detail.job, checkout.root, TARGET);
  const history = await readGit(["log", "--graph", "--no-color", "--format=%h %s%d", TARGET], checkout.root);
  screen.print();
  for (const { demo, detail, complaint } of results) printResult(screen, demo, detail, complaint);
  screen.print();
  screen.print(screen.colors.bold("The resulting history"));
  for (const line of history.split("\n")) screen.print(`  ${printable(line)}`);
  const ok = results.every(({ complaint }) => complaint === undefined);
  screen.document({
    ok,
    folder,
    repository: checkout.root,
    data: join(folder, "data"),
    jobs: results.map(({ detail, complaint }) => ({ ...detail, complaint: complaint ?? null })),
    history: history.split("\n"),
  });
  printNext(screen, folder, checkout.root, results, ok);
  exitWith(ok ? EXIT_CODES.ok.code : EXIT_CODES.failed.code);
}

function printResult(screen: Screen, demo: DemoJob, { job }: JobDetail, complaint: string | undefined): void {
  const { colors } = screen;
  const name = colors.bold(demo.title.padEnd(14));
  if (complaint !== undefined) {
    screen.print(`${colors.red("✗")} ${name} ${complaint}`);
    return;
  }
  if (job.landedOid) {
    screen.print(`${colors.green("✓")} ${name} landed as ${job.landedOid.slice(0, 7)} on ${job.target}`);
    return;
  }
  const paths = job.failure?.details["paths"];
  const where = Array.isArray(paths) ? `: ${paths.join(", ")}` : "";
  for (const [index, line] of wrap(`refused with ${job.failure?.code}${where}`, screen.width - 17).entries())
    screen.print(index === 0 ? `${colors.yellow("✓")} ${name} ${line}` : `${" ".repeat(17)}${line}`);
}

function printNext(screen: Screen, folder: string, repository: string, results: readonly DemoResult[], ok: boolean): void {
  const { colors } = screen;
  const refused = results.at(-1)?.detail.job.number;
  screen.print();
  if (!ok) {
    const wrong = results.filter(({ complaint }) => complaint !== undefined);
    screen.print(colors.red(`${plural(wrong.length, "job")} did not end as expected. The logs are in ${join(folder, "data", "logs")}.`));
    return;
  }
  screen.print(colors.bold("Look around"));
  if (!isInPath("slipway")) screen.print(`  alias slipway=${shellWord(join(import.meta.dirname, "../../../../scripts/slipway"))}`);
  screen.print(`  cd ${shellWord(repository)}`);
  screen.print("  git show");
  screen.print(`  slipway show ${refused} --data ${shellWord(join(folder, "data"))}`);
  screen.print();
  screen.print(colors.bold("Next, in a git repository of your own"));
  screen.print("  slipway doctor");
  screen.print("  printf 'turns:\\n  - - write: {path: HELLO.md, content: hi}\\n' >/tmp/steps.yaml");
  screen.print('  slipway run "Say hello" --backend-config script=@/tmp/steps.yaml');
  screen.print(colors.dim("  (`script` stands in for an agent; gates go into a .slipway.yaml, which"));
  screen.print(colors.dim("  `slipway init` proposes)"));
  screen.print();
  screen.print(colors.dim(`All of the demo is in ${folder}; rm -r removes it.`));
}
