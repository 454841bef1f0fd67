/**
 * Plays all cases of tests/agents/matrix with real agents and puts the results into tests/agents/matrix/results.json, which `npm run docs` shows. Installs the
 * agents from their registries into FOLDER first. Takes minutes an agent: `scripts/conformance [--agents FOLDER] [--place bwrap]… [AGENT]…`.
 */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { parseArgs } from "node:util";
import { execa } from "execa";
import { z } from "zod";
import { PLACES, type Place } from "../../tests/agents/matrix/agent-bench.ts";
import type { AgentUnderTest } from "../../tests/agents/matrix/agent-under-test.ts";
import { AGENTS_UNDER_TEST } from "../../tests/agents/matrix/agents.ts";
import { matrixCases } from "../../tests/agents/matrix/cases.ts";
import { type Results, resultsSchema } from "../../tests/agents/matrix/results.ts";

const ROOT = join(import.meta.dirname, "../..");
const FILE = join(ROOT, "tests/agents/matrix/results.json");
const HELP = `usage: scripts/conformance [--agents FOLDER] [--place ${PLACES.join("|")}]… [AGENT]…

Plays the whole matrix of cases with the real CLI of each AGENT (all: ${AGENTS_UNDER_TEST.map(({ backend }) => backend.name).join(", ")}),
installed from its registry into FOLDER, and keeps the results. Without --place: bwrap. --place docker needs an
engine, and the image of each agent: \`slipway images build AGENT\`.
`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    agents: { type: "string", default: join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "slipway-agents") },
    place: { type: "string", multiple: true, default: ["bwrap"] },
    help: { type: "boolean", short: "h", default: false },
  },
});
if (values.help) {
  process.stdout.write(HELP);
  process.exit(0);
}
const places = values.place.map((text) => PLACES.find((place) => place === text) ?? wrong(`--place: expected one of ${PLACES.join(", ")}, found ${text}`));
const agents = positionals.map((name) => AGENTS_UNDER_TEST.find(({ backend }) => backend.name === name) ?? wrong(`there is no agent ${name}`));

const { stdout: installed } = await execa(process.execPath, ["tests/agents/install.ts", values.agents], { cwd: ROOT, stderr: "inherit" });
const path = [installed.trim(), process.env["PATH"]].join(delimiter);
let isWhole = true;
for (const agent of agents.length > 0 ? agents : AGENTS_UNDER_TEST) {
  for (const place of places) {
    const result = await play(agent, place);
    const failed = Object.entries(result.cases).filter(([, outcome]) => outcome === "failed");
    isWhole &&= failed.length === 0;
    process.stdout.write(
      `${agent.backend.name} in ${place}: ${result.release}: ${failed.length === 0 ? "all kept" : `failed: ${failed.map(([name]) => name).join("; ")}`}\n`,
    );
    const results = resultsSchema.parse(JSON.parse(await readFile(FILE, "utf8").catch(() => "{}")));
    results[agent.backend.name] = { ...results[agent.backend.name], [place]: result };
    await writeFile(FILE, `${JSON.stringify(results, null, 2)}\n`);
  }
}
process.exitCode = isWhole ? 0 : 1;

async function play(agent: AgentUnderTest, place: Place): Promise<Results[string][string]> {
  const folder = await mkdtemp(join(tmpdir(), "slipway-conformance-"));
  try {
    const report = join(folder, "report.json");
    const title = `${agent.backend.name} in ${place}`;
    const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`];
    await execa("npx", ["vitest", "run", "matrix.test.ts", "--testNamePattern", `^${title} `, ...reporters], {
      ...{ cwd: ROOT, stdio: ["ignore", "inherit", "inherit"], reject: false },
      env: { PATH: path, SLIPWAY_HEAVY: "1", SLIPWAY_MATRIX: "full", SLIPWAY_MATRIX_PLACE: place },
    });
    const outcomes = outcomesIn(JSON.parse(await readFile(report, "utf8")), title);
    if (outcomes.size === 0) throw new Error(`no matrix.test.ts describes ${title}`);
    const { found } = await agent.backend.probe({ home: folder, env: { PATH: path }, signal: AbortSignal.timeout(60_000) });
    const cases = matrixCases(agent, place).map(({ name, exempt }) => [name, exempt ?? (outcomes.get(name) === "passed" ? "passed" : "failed")]);
    // Where it lies is a matter of this machine.
    return { release: found.replace(/ in \/\S+/, ""), date: new Date().toISOString().slice(0, 10), cases: Object.fromEntries(cases) };
  } finally {
    await rm(folder, { recursive: true });
  }
}

function outcomesIn(report: unknown, title: string): Map<string, string> {
  const test = z.object({ ancestorTitles: z.array(z.string()), title: z.string(), status: z.string() });
  const { testResults } = z.object({ testResults: z.array(z.object({ assertionResults: z.array(test) })) }).parse(report);
  const own = testResults.flatMap(({ assertionResults }) => assertionResults).filter(({ ancestorTitles }) => ancestorTitles[0] === title);
  return new Map(own.map(({ title: name, status }) => [name, status]));
}

function wrong(problem: string): never {
  process.stderr.write(`${problem}\n${HELP}`);
  process.exit(2);
}
