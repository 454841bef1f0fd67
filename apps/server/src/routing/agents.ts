import type { JobView } from "@slipway/protocol/job";
import type { Manifest } from "@slipway/protocol/manifest";
import type { WorkerAgent } from "@slipway/protocol/worker-api";
import type { WorkerRow } from "../store/store.ts";
import type { WorkerSignals } from "../workers/worker-signals.ts";

type Reports = Pick<WorkerSignals, "reportOf">;
/** By backend, the setting by which a job names the agent's program itself; empty where there is none. */
export type AbsentAgents = Readonly<Record<string, string>>;

type AgentOfJob = { readonly backend: string; readonly config: Readonly<Record<string, unknown>> };

/** An agent that a worker has told is not there for its jobs. */
export interface MissingAgent {
  readonly worker: string;
  readonly found: string;
  /** What to type; null where nobody says. */
  readonly remedy: string | null;
}

/** What the worker said of the backend's agent: undefined where it did not, as one of an older build; then jobs are tried. */
function agentOf({ id }: Pick<WorkerRow, "id">, backend: string, reports: Reports): Pick<WorkerAgent, "ok" | "found" | "remedy"> | undefined {
  const { agents, images } = reports.reportOf(id);
  const inImage = images.find((image) => image.backend === backend)?.agent;
  return agents.find((agent) => agent.backend === backend) ?? (inImage ? { ...inImage, remedy: `slipway images build ${backend}` } : undefined);
}

/** Why a job of the backend with these settings cannot be done on this worker; undefined where it can, where nobody knows, and where it names its program itself. */
export function missingAgent(worker: Pick<WorkerRow, "id" | "name" | "backends">, { backend, config }: AgentOfJob, reports: Reports): MissingAgent | undefined {
  const agent = agentOf(worker, backend, reports);
  if (!agent || agent.ok || namesProgram(worker.backends, backend, config)) return undefined;
  return { worker: worker.name, found: agent.found, remedy: agent.remedy };
}

function namesProgram(manifests: readonly Manifest[], backend: string, config: AgentOfJob["config"]): boolean {
  const setting = manifests.find(({ name }) => name === backend)?.programSetting;
  return setting !== undefined && config[setting] !== undefined;
}

/** The backends whose agent a worker lacks, each with the setting by which a job names its program itself, empty where there is none; of those that it has. */
export function absentAgents({ id }: Pick<WorkerRow, "id">, programSettings: ReadonlyMap<string, string>, reports: Reports): AbsentAgents {
  return Object.fromEntries([...programSettings].filter(([backend]) => agentOf({ id }, backend, reports)?.ok === false));
}

/** Whether a job of a worker with these absent agents could not be done there. */
export function isAbsent(absent: AbsentAgents, { backend, backendConfig, kind }: Pick<JobView, "backend" | "backendConfig" | "kind">): boolean {
  const setting = absent[backend];
  return kind === "task" && setting !== undefined && (setting === "" || backendConfig[setting] === undefined);
}

/** In words, with what to type: where every one of these workers lacks the agent. */
export function absentText(missing: readonly MissingAgent[]): string {
  const names = missing.map(({ worker }) => worker).join(", ");
  const [first] = missing;
  return `not installed on ${names} (${first?.found ?? "?"})${first?.remedy ? `: type \`${first.remedy}\`${missing.length > 1 ? " there" : ""}` : ""}`;
}
