import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describeCheckout } from "@slipway/git/checkout";
import { toSlipwayError } from "@slipway/protocol/errors";
import { parseRepositoryConfig } from "@slipway/protocol/parse-repository-config";
import { REPOSITORY_CONFIG_FILE } from "@slipway/protocol/repository-config";
import type { WorkerView } from "@slipway/protocol/worker-api";
import { probeWhereJobsRun } from "../backends/ask-images.ts";
import { listBackends } from "../backends/ask-runner.ts";
import { circuitText } from "../backends/circuit-text.ts";
import { type Connection, connect } from "../connection.ts";
import { logFile } from "../stack/data-folder.ts";
import { failureText } from "../terminal/failure-text.ts";
import { shellWord } from "../terminal/shell.ts";
import { plural } from "../terminal/text.ts";
import { type Check, check, type DoctorOptions } from "./check.ts";
import { checkWorkerImages } from "./images.ts";
import { checkLimits } from "./limits.ts";
import { checkNotifications } from "./notifications.ts";
import { checkPlugins } from "./plugins.ts";
import { checkWorkspaces } from "./workspaces.ts";

const START_SERVER = "slipway up";

/** Server and workers; neither is required, because `slipway run` starts its own. */
export async function checkServer(options: DoctorOptions): Promise<Check[]> {
  let connection: Connection;
  try {
    connection = await connect({ data: process.env["SLIPWAY_URL"] ? undefined : options.data });
    await connection.client.call("whoami", { signal: AbortSignal.timeout(5_000) });
  } catch (error) {
    const { message, hint, code } = toSlipwayError(error);
    const remedy = code === "SERVER_UNAVAILABLE" ? START_SERVER : hint;
    return [
      check("server", "server", false, {
        tried: process.env["SLIPWAY_URL"] ?? join(options.data, "server.json"),
        found: message,
        lost: "submit, and jobs in the background; `slipway run` starts its own",
        remedy,
      }),
      check("worker", "connected", false, {
        tried: "the server's list of workers",
        found: "not known: no server says it",
        lost: "jobs stay queued; `slipway run` starts a worker of its own",
        remedy,
      }),
    ];
  }
  const { workers } = await connection.client.call("listWorkers", {});
  const connected = workers.filter((worker) => worker.connected);
  return [
    check("server", "server", true, { tried: `GET ${connection.url}/v1/health`, found: `answers at ${connection.url}`, lost: "", remedy: "" }),
    check("worker", "connected", connected.length > 0, {
      tried: `GET ${connection.url}/v1/workers`,
      found: connected.length === 0 ? `none of ${plural(workers.length, "known worker")}` : connected.map(describeWorker).join("; "),
      lost: "jobs stay queued",
      remedy: remedyOfNoWorker(workers, options),
    }),
    check(
      "worker",
      "sandboxed",
      connected.every((worker) => worker.sandbox !== "none"),
      {
        tried: "the sandbox of each connected worker",
        found: connected.map((worker) => `${worker.name}: ${worker.sandbox}`).join("; ") || "no worker",
        lost: "sandbox: none runs agents with the worker's own rights",
        remedy: "Install bubblewrap and start the worker without --sandbox none.",
      },
    ),
    ...(await checkCircuits(connection)),
    ...(await checkUpstreams(connection)),
    ...(await checkNotifications(connection)),
    ...(connected.length === 0 ? [] : [checkLimits(connected), checkWorkspaces(connected), ...checkWorkerImages(connected)]),
  ];
}

/** Repositories that could not be brought together with their own address; nothing to say where all could. */
async function checkUpstreams({ client, url }: Connection): Promise<Check[]> {
  const { repositories } = await client.call("listRepositories", {});
  return repositories.flatMap(({ name, upstreamSync: { error } }) =>
    error === null
      ? []
      : check("server", "upstream", false, {
          tried: `GET ${url}/v1/repositories`,
          found: `${name}: ${error.code}: ${error.message}`,
          lost: `jobs of ${name} start from what was last fetched, and what lands may not be pushed`,
          remedy: `slipway repos show ${shellWord(name)}`,
        }),
  );
}

/** Backends that get no jobs for now; nothing to say where none is paused. */
async function checkCircuits({ client, url }: Connection): Promise<Check[]> {
  const { circuits } = await client.call("listCircuits", {});
  return circuits.map((circuit) =>
    check("backends", "circuit", false, {
      tried: `GET ${url}/v1/circuits`,
      found: `${circuit.backend} is ${circuitText(circuit)}`,
      lost: `jobs with the backend ${circuit.backend} wait, or take their fallback`,
      remedy: `slipway backends reset ${circuit.backend}`,
    }),
  );
}

/** The server runs, so a second `slipway up` would not start. */
function remedyOfNoWorker(workers: readonly WorkerView[], { data }: DoctorOptions): string {
  if (process.env["SLIPWAY_URL"]) return "Start a worker for that server.";
  const drained = workers.filter(({ draining }) => draining).map(({ name }) => name);
  if (drained.length > 0) return `Restart \`slipway up\` (Ctrl-C, then again): ${drained.join(", ")} drained and ended.`;
  return `See ${logFile(data, "worker")}, then restart \`slipway up\` (Ctrl-C, then again).`;
}

function describeWorker(worker: WorkerView): string {
  return `${worker.name} (${plural(worker.slots, "slot")}, ${worker.sandbox}${worker.draining ? ", draining" : ""}, ${worker.backends.map(({ name }) => name).join(" ")})`;
}

/** What each backend says of itself where its jobs run, and those that cannot be loaded. */
export async function checkBackends({ data, sandbox }: DoctorOptions): Promise<Check[]> {
  const [probed, listed] = await Promise.all([probeWhereJobsRun(data, sandbox), listBackends(data)]);
  if (!probed.ok) {
    return [
      check("backends", "probe", false, {
        tried: "runner probe",
        found: probed.found,
        lost: "no agent can be started",
        remedy: sandbox === "docker" ? "slipway images doctor" : "Run npm ci in Slipway's checkout.",
        required: true,
      }),
    ];
  }
  const { manifests, broken } = listed.ok ? listed.value : { manifests: undefined, broken: [] };
  const loaded = probed.value.filter(({ backend }) => manifests?.some(({ name }) => name === backend) ?? true);
  const checks = loaded.map(({ backend, ok, tried, found, remedy }) =>
    check("backends", backend, ok, { tried, found, lost: `jobs with the backend ${backend} are blocked`, remedy: remedy ?? "See docs/backends.md." }),
  );
  return [...checks, ...checkPlugins(broken)];
}

/** The repository around the current folder, where there is one: its `.slipway.yaml` as it stands on disk. */
export async function checkRepository(): Promise<Check[]> {
  const root = await describeCheckout(process.cwd()).then(
    (checkout) => checkout.root,
    () => undefined, // Doctor works outside of repositories too.
  );
  if (root === undefined) return [];
  const file = join(root, REPOSITORY_CONFIG_FILE);
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch {
    return [
      check("repository", REPOSITORY_CONFIG_FILE, true, { tried: file, found: "not there: no gates, so results land without tests", lost: "", remedy: "" }),
    ];
  }
  try {
    const { gates } = parseRepositoryConfig(text);
    return [
      check("repository", REPOSITORY_CONFIG_FILE, true, {
        tried: file,
        found: gates.length === 0 ? "no gates" : `gates: ${gates.map(({ name }) => name).join(", ")}`,
        lost: "",
        remedy: "",
      }),
    ];
  } catch (error) {
    const { message, problems } = failureText(toSlipwayError(error, "INVALID_CONFIG"));
    return [
      check("repository", REPOSITORY_CONFIG_FILE, false, {
        tried: file,
        found: [message, ...problems].join("\n"),
        lost: "jobs of this repository are refused",
        remedy: "Mend it and commit it (a job reads it at its base commit), then `slipway doctor` again.",
        required: true,
      }),
    ];
  }
}
