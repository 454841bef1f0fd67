import { readFile } from "node:fs/promises";
import type { FileDiff } from "@slipway/git/diff";
import type { WorkerRepository } from "@slipway/git/repository";
import type { LineCoverage } from "@slipway/protocol/events";
import { type CoverageChange, coveragePoints } from "@slipway/protocol/line-coverage";
import type { RepositoryConfig } from "@slipway/protocol/repository-config";
import type { AttemptContext } from "../attempt/context.ts";
import { coverageOf, judgeCoverage } from "../checks/coverage.ts";
import { type Finding, shownPath } from "../checks/finding.ts";
import { COVERAGE_LIMIT_BYTES, type LineHits, readCoverage, totalsOf } from "../gate-output/coverage-report.ts";
import { storeArtifact } from "./artifact.ts";
import { baselineOf } from "./baseline.ts";
import type { Deadline } from "./deadline.ts";
import { keptReport } from "./gate-reports.ts";
import { pathMatcher } from "./path-globs.ts";

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
    const report = await readFile(keptReport(context, gate)).catch((error: NodeJS.ErrnoException) => {
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
