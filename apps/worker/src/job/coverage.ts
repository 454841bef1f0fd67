import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { FileDiff } from "@slipway/git/diff";
import type { Gate } from "@slipway/protocol/gates";
import type { RepositoryConfig } from "@slipway/protocol/repository-config";
import type { AttemptContext } from "../attempt/context.ts";
import { coverageOf, judgeCoverage } from "../checks/coverage.ts";
import { type Finding, shownPath } from "../checks/finding.ts";
import { COVERAGE_LIMIT_BYTES, type LineHits, readCoverage } from "../gate-output/coverage-report.ts";
import type { Sandbox } from "../sandbox/sandbox.ts";
import { storeArtifact } from "./artifact.ts";
import { pathMatcher } from "./path-globs.ts";

const READ_MS = 30_000;
/** What `head` may not have read: nothing stands behind it. */
const NO_REPORT = 3;

/** A gate's command with its last report taken away before: what is read afterwards is of this run. */
export function withoutOldReport({ coverage }: Gate, command: string): string {
  return coverage === undefined ? command : `rm -f -- '${coverage.replaceAll("'", "'\\''")}'\n${command}`;
}

/**
 * Takes a gate's report of its coverage out of the workspace. It is read inside of the sandbox, so that no daemon follows a path that an agent made; what comes
 * out is bounded, and no more than text.
 */
export async function keepReport(context: AttemptContext, sandbox: Sandbox, gate: Gate): Promise<void> {
  if (gate.coverage === undefined || context.claim.verify) return;
  const read: Buffer[] = [];
  const result = await sandbox.run(
    {
      argv: ["sh", "-c", `cd "$WORKSPACE" && [ -f "$REPORT" ] && [ ! -L "$REPORT" ] || exit ${NO_REPORT}; head -c ${COVERAGE_LIMIT_BYTES + 1} -- "$REPORT"`],
      env: { PATH: sandbox.inside.path, HOME: "/nonexistent", LC_ALL: "C", WORKSPACE: sandbox.inside.workspace, REPORT: gate.coverage },
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
  const kept = keptPath(context, gate);
  const report = Buffer.concat(read);
  await rm(kept, { force: true });
  if (result.exitCode !== 0 || report.length > COVERAGE_LIMIT_BYTES) return;
  await mkdir(context.paths.work, { recursive: true, mode: 0o700 });
  await writeFile(`${kept}.new`, report, { mode: 0o600 });
  await rename(`${kept}.new`, kept);
}

interface CoverageRequest {
  readonly config: Pick<RepositoryConfig, "checks" | "gates">;
  readonly files: readonly FileDiff[];
  readonly take: number;
  /** The workspace as the gates saw it. */
  readonly workspaces: readonly string[];
}

/** What the reports of the last run of the gates say of the changed lines; the whole of it becomes an artifact, once for a commit. */
export async function checkCoverage(context: AttemptContext, request: CoverageRequest): Promise<readonly Finding[]> {
  return await context.journal.step(`coverage-${request.take}`, async () => await judge(context, request));
}

async function judge(context: AttemptContext, { config, files, take, workspaces }: CoverageRequest): Promise<Finding[]> {
  const gates = config.gates.filter(({ coverage }) => coverage !== undefined);
  if (gates.length === 0) return [{ message: "No gate tells of its coverage. Say where its report is, as `coverage` of the gate.", level: "warning" }];
  const findings: Finding[] = [];
  const reports: LineHits[] = [];
  for (const gate of gates) {
    const report = await readFile(keptPath(context, gate)).catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return undefined;
      throw error;
    });
    const hits = report && readCoverage(report);
    if (hits) reports.push(hits);
    else {
      const what = report ? "is neither lcov nor Cobertura" : `is not there, is no plain file, or is larger than ${COVERAGE_LIMIT_BYTES / 1_048_576} MiB`;
      findings.push({ path: gate.coverage ?? "", message: `The report that the gate ${gate.name} should leave ${what}.` });
    }
  }
  if (reports.length === 0) return findings;
  const isTest = pathMatcher(config.checks.testPaths);
  const folders = gates.flatMap(({ cwd }) => cwd ?? []);
  const roots = [...workspaces, ...folders, ...workspaces.flatMap((root) => folders.map((folder) => `${root}/${folder}`))];
  const coverage = coverageOf(
    files.filter(({ path }) => !isTest(path)),
    reports,
    roots,
  );
  const shown = { ...coverage, files: coverage.files.map((file) => ({ ...file, path: shownPath(file.path) })) };
  await storeArtifact(context, `coverage-${take}.json`, Buffer.from(context.masks.text(`${JSON.stringify(shown, undefined, 2)}\n`)));
  return [...findings, ...judgeCoverage(coverage, config.checks.limits.coveragePercent)];
}

function keptPath({ paths }: AttemptContext, { name }: Gate): string {
  return join(paths.work, `coverage-${name}`);
}
