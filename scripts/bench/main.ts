/** `slipway bench`: figures of this installation, with the machine, medians, p99 and the ratio to the bar. Never a test: times depend on the machine. */
import { tmpdir } from "node:os";
import { parseArgs } from "node:util";
import { SlipwayError, toSlipwayError } from "@slipway/protocol/errors";
import { reportError } from "../../apps/cli/src/terminal/report-error.ts";
import { wrap } from "../../apps/cli/src/terminal/text.ts";
import type { Figure } from "./figures.ts";
import { describeMachine, type Machine } from "./machine.ts";
import { AGENT_MEASURES } from "./measure-agents.ts";
import { measureCancel } from "./measure-cancel.ts";
import { measureClaim } from "./measure-claim.ts";
import { measureDocker } from "./measure-docker.ts";
import { measureEvents } from "./measure-events.ts";
import { measureGateway } from "./measure-gateway.ts";
import { measureMemory } from "./measure-memory.ts";
import { measureOverhead } from "./measure-overhead.ts";
import { measureSetup } from "./measure-setup.ts";
import { measureSpawn } from "./measure-spawn.ts";
import { measureStore } from "./measure-store.ts";
import { measureThroughput } from "./measure-throughput.ts";
import { measureTrain } from "./measure-train.ts";
import { measureWeb } from "./measure-web.ts";
import { measureWorkspace } from "./measure-workspace.ts";

const MEASURES: Readonly<Record<string, (quick: boolean) => Promise<Figure[]>>> = {
  claim: measureClaim,
  throughput: measureThroughput,
  store: measureStore,
  events: measureEvents,
  overhead: measureOverhead,
  cancel: measureCancel,
  train: measureTrain,
  gateway: measureGateway,
  ...AGENT_MEASURES,
  workspace: measureWorkspace,
  setup: measureSetup,
  spawn: measureSpawn,
  docker: measureDocker,
  memory: measureMemory,
  web: measureWeb,
};

const { values } = parseArgs({
  options: { json: { type: "boolean", default: false }, quick: { type: "boolean", default: false }, only: { type: "string", multiple: true, default: [] } },
});

/** Exit code 2: usage; 5: something could not be measured. The same meanings as everywhere in the command line. */
async function main(): Promise<number> {
  if (values.only.includes("list")) {
    console.log(Object.keys(MEASURES).join("\n"));
    return 0;
  }
  const unknown = values.only.filter((name) => !(name in MEASURES));
  if (unknown.length > 0) {
    const hint = `There are: ${Object.keys(MEASURES).join(", ")}.`;
    return reportError(new SlipwayError("INVALID_REQUEST", `There is no measurement ${unknown.join(", ")}.`, { hint }), values.json);
  }
  const machine = await describeMachine(tmpdir());
  if (!values.json) printMachine(machine);
  const results: Array<{ measure: string; figures?: Figure[]; error?: string }> = [];
  for (const [measure, run] of Object.entries(MEASURES)) {
    if (values.only.length > 0 && !values.only.includes(measure)) continue;
    try {
      const figures = await run(values.quick);
      results.push({ measure, figures });
      if (!values.json) for (const figure of figures) printFigure(figure);
    } catch (error) {
      // One figure that cannot be had must not hide the others.
      const { code, message } = toSlipwayError(error);
      results.push({ measure, error: `${code}: ${message}` });
      if (!values.json) console.log(`${measure}: not measured – ${code}: ${message}`);
    }
  }
  if (values.json) console.log(JSON.stringify({ machine, quick: values.quick, results }, null, 2));
  // Hardly a machine has all agents: one that nobody named may be missing.
  const isMissing = (error: string): boolean => values.only.length === 0 && error.startsWith("BACKEND_NOT_INSTALLED");
  return results.some(({ error }) => error !== undefined && !isMissing(error)) ? 5 : 0;
}

function printMachine(machine: Machine): void {
  console.log(`${machine.cores} × ${machine.cpu}, ${Math.round(machine.memoryMiB / 1_024)} GiB, load ${machine.load}`);
  console.log(`${machine.kernel}, ${machine.filesystem}, node ${machine.node}, git ${machine.git}`);
  console.log("One run on one machine: compare within it, by the ratio to the bar (≤ 1 is within).\n");
  console.log(`${"figure".padEnd(43)}${"median".padStart(11)}${"p99".padStart(10)}${"ratio".padStart(7)}${"n".padStart(6)}`);
}

function printFigure(figure: Figure): void {
  const median = `${short(figure.median)} ${figure.unit}`;
  const ratio = figure.ratio === null ? "" : figure.ratio.toFixed(2);
  console.log(
    `${figure.name.padEnd(43)}${median.padStart(11)}${(figure.p99 === null ? "" : short(figure.p99)).padStart(10)}${ratio.padStart(7)}${String(figure.count).padStart(6)}`,
  );
  const remarks = [figure.bar === null ? "" : `bar: ${figure.bar}`, figure.note ?? ""].filter(Boolean).join("; ");
  if (remarks !== "") for (const line of wrap(remarks, 76)) console.log(`    ${line}`);
}

function short(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toFixed(value >= 10 ? 1 : 2);
}

process.exitCode = await main();
