import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { LineCoverage } from "@slipway/protocol/events";
import type { Gate } from "@slipway/protocol/gates";
import type { AttemptContext } from "../attempt/context.ts";
import { COVERAGE_LIMIT_BYTES, readCoverage, totalsOf } from "../gate-output/coverage-report.ts";
import { readRun } from "../gate-output/read-run.ts";
import type { RunSummary } from "../gate-output/run-summary.ts";
import type { Sandbox } from "../sandbox/sandbox.ts";

const READ_MS = 30_000;
/** What `head` may not have read: nothing stands behind it. */
const NO_REPORT = 3;

/** A gate's command with its last reports taken away before: what is read afterwards is of this run. */
export function withoutOldReports({ coverage, report }: Gate, command: string): string {
  const files = [coverage, report].flatMap((file) => (file === undefined ? [] : `'${file.replaceAll("'", "'\\''")}'`));
  return files.length === 0 ? command : `rm -f -- ${files.join(" ")}\n${command}`;
}

/** What the tests of a gate's run said, by the report that it has just written; undefined where it has none, or left none that can be read. */
export async function readTestReport(context: AttemptContext, sandbox: Sandbox, { report }: Gate): Promise<RunSummary | undefined> {
  const text = report === undefined ? undefined : await readReport(context, sandbox, report);
  return text && readRun(text, sandbox.inside.workspace);
}

/**
 * What the report of a gate that has just run tells of all lines: none where it left no report that can be read; undefined where it has no report. Where
 * `keep` is set, the report stays for the check of the changed lines.
 */
export async function takeReport(context: AttemptContext, sandbox: Sandbox, gate: Gate, keep: boolean): Promise<LineCoverage | undefined> {
  if (gate.coverage === undefined) return undefined;
  const report = await readReport(context, sandbox, gate.coverage);
  if (keep) await keepReport(context, gate, report);
  const hits = report && readCoverage(report);
  return hits ? totalsOf(hits) : { covered: 0, lines: 0 };
}

/** It is read inside of the sandbox, so that no daemon follows a path that an agent made; what comes out is bounded, and no more than text. */
async function readReport(context: AttemptContext, sandbox: Sandbox, path: string): Promise<Buffer | undefined> {
  const read: Buffer[] = [];
  const result = await sandbox.run(
    {
      argv: ["sh", "-c", `cd "$WORKSPACE" && [ -f "$REPORT" ] && [ ! -L "$REPORT" ] || exit ${NO_REPORT}; head -c ${COVERAGE_LIMIT_BYTES + 1} -- "$REPORT"`],
      env: { PATH: sandbox.inside.path, HOME: "/nonexistent", LC_ALL: "C", WORKSPACE: sandbox.inside.workspace, REPORT: path },
      network: "none",
      timeoutMs: READ_MS,
      outputLimitBytes: COVERAGE_LIMIT_BYTES + 1,
      onOutput: (stream, bytes) => {
        if (stream === "stdout") read.push(bytes);
      },
    },
    context.signal,
  );
  context.signal.throwIfAborted();
  const report = Buffer.concat(read);
  return result.exitCode === 0 && report.length <= COVERAGE_LIMIT_BYTES ? report : undefined;
}

async function keepReport(context: AttemptContext, gate: Gate, report: Buffer | undefined): Promise<void> {
  const kept = keptReport(context, gate);
  await rm(kept, { force: true });
  if (!report) return;
  await mkdir(context.paths.work, { recursive: true, mode: 0o700 });
  await writeFile(`${kept}.new`, report, { mode: 0o600 });
  await rename(`${kept}.new`, kept);
}

/** Where the report of a gate's last run in the agent's own workspace is kept. */
export function keptReport({ paths }: AttemptContext, { name }: Gate): string {
  return join(paths.work, `coverage-${name}`);
}
