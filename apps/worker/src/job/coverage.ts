import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { FileDiff } from "@slipway/git/diff";
import type { WorkerRepository } from "@slipway/git/repository";
import type { LineCoverage } from "@slipway/protocol/events";
import type { Gate } from "@slipway/protocol/gates";
import { type CoverageChange, coveragePoints } from "@slipway/protocol/line-coverage";
import type { RepositoryConfig } from "@slipway/protocol/repository-config";
import type { AttemptContext } from "../attempt/context.ts";
import { coverageOf, judgeCoverage } from "../checks/coverage.ts";
import { type Finding, shownPath } from "../checks/finding.ts";
import { COVERAGE_LIMIT_BYTES, type LineHits, readCoverage, totalsOf } from "../gate-output/coverage-report.ts";
import type { Sandbox } from "../sandbox/sandbox.ts";
import { storeArtifact } from "./artifact.ts";
import { baselineOf } from "./baseline.ts";
import type { Deadline } from "./deadline.ts";
import { pathMatcher } from "./path-globs.ts";

const READ_MS = 30_000;
/** What `head` may not have read: nothing stands behind it. */
const NO_REPORT = 3;

/** A gate's command with its last report taken away before: what is read afterwards is of this run. */
export function withoutOldReport({ coverage }: Gate, command: string): string {
  return coverage === undefined ? command : `rm -f -- '${coverage.replaceAll("'", "'\\''")}'\n${command}`;
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
  const kept = keptPath(context, gate);
  await rm(kept, { force: true });
  if (!report) return;
  await mkdir(context.paths.work, { recursive: true, mode: 0o700 });
  await writeFile(`${kept}.new`, report, { mode: 0o600 });
  await rename(`${kept}.new`, kept);
}

interface CoverageRequest {
  readonly repository: WorkerRepository;
  readonly config: RepositoryConfig;
  readonly deadline: Deadline;
  readonly files: readonly FileDiff[];
  readonly take: number;
  /** The workspace as the gates saw it. */
  readonly workspaces: readonly string[];
}

/** What the check says, and how much of all code tests run, on the base and with the change; the latter is missing where no report told. */
export interface CoverageResult {
  readonly findings: readonly Finding[];
  readonly coverage?: CoverageChange;
}

/** What the reports of the last run of the gates say of the changed lines and of all; the whole of it becomes an artifact, once for a commit. */
export async function checkCoverage(context: AttemptContext, request: CoverageRequest): Promise<CoverageResult> {
  return await context.journal.step(`covered-${request.take}`, async () => await judge(context, request));
}

async function judge(context: AttemptContext, request: CoverageRequest): Promise<CoverageResult> {
  const { config, files, take, workspaces } = request;
  const gates = config.gates.filter(({ coverage }) => coverage !== undefined);
  if (gates.length === 0)
    return { findings: [{ message: "No gate tells of its coverage. Say where its report is, as `coverage` of the gate.", level: "warning" }] };
  const findings: Finding[] = [];
  const reports: LineHits[] = [];
  const told: string[] = [];
  for (const gate of gates) {
    const report = await readFile(keptPath(context, gate)).catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return undefined;
      throw error;
    });
    const hits = report && readCoverage(report);
    if (hits) {
      reports.push(hits);
      told.push(gate.name);
    } else {
      const what = report ? "is neither lcov nor Cobertura" : `is not there, is no plain file, or is larger than ${COVERAGE_LIMIT_BYTES / 1_048_576} MiB`;
      findings.push({ path: gate.coverage ?? "", message: `The report that the gate ${gate.name} should leave ${what}.` });
    }
  }
  if (reports.length === 0) return { findings };
  const isTest = pathMatcher(config.checks.testPaths);
  const folders = gates.flatMap(({ cwd }) => cwd ?? []);
  const roots = [...workspaces, ...folders, ...workspaces.flatMap((root) => folders.map((folder) => `${root}/${folder}`))];
  const coverage = coverageOf(
    files.filter(({ path }) => !isTest(path)),
    reports,
    roots,
  );
  const all = { before: await coverageBefore(context, request, told), after: sumOf(reports.map(totalsOf)) };
  const shown = { ...coverage, files: coverage.files.map((file) => ({ ...file, path: shownPath(file.path) })), all: { ...all, points: coveragePoints(all) } };
  await storeArtifact(context, `coverage-${take}.json`, Buffer.from(context.masks.text(`${JSON.stringify(shown, undefined, 2)}\n`)));
  return { findings: [...findings, ...judgeCoverage(coverage, config.checks.limits.coveragePercent)], coverage: all };
}

/** The same gates' reports on the base: what the server knows, else they are run there. Null where it cannot be found out. */
async function coverageBefore(
  context: AttemptContext,
  { repository, config, deadline, take }: CoverageRequest,
  wanted: readonly string[],
): Promise<LineCoverage | null> {
  const base = { repository, source: { oid: context.claim.job.baseOid, from: "upstream" }, config, deadline } as const;
  const ran = new Set(config.gates.map(({ name }) => name));
  const found = await baselineOf(context, base, { wanted, ran, key: `coverage-base-${take}`, step: `covered-${take}`, asks: "coverage" });
  const told = wanted.map((name) => {
    const one = found.get(name);
    return one && one.status !== "unknown" ? one.coverage : undefined;
  });
  return told.every((one) => one !== undefined) ? sumOf(told) : null;
}

function sumOf(parts: readonly LineCoverage[]): LineCoverage {
  return parts.reduce((sum, { covered, lines }) => ({ covered: sum.covered + covered, lines: sum.lines + lines }), { covered: 0, lines: 0 });
}

function keptPath({ paths }: AttemptContext, { name }: Gate): string {
  return join(paths.work, `coverage-${name}`);
}
