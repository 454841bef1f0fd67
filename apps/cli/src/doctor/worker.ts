import { resolve } from "node:path";
import { gatewayHealth } from "@slipway/process/gateway-health";
import { gatewaySocketIn } from "@slipway/process/runtime-folder";
import { secretsFolder } from "@slipway/process/secret-file";
import { Client } from "@slipway/protocol/client";
import { toSlipwayError } from "@slipway/protocol/errors";
import type { Manifest, ProbeResult } from "@slipway/protocol/manifest";
import { probeWhereJobsRun } from "../backends/ask-images.ts";
import { listBackends } from "../backends/ask-runner.ts";
import { gatewaySocket, readToken, tokenFile as tokenFileOf } from "../stack/data-folder.ts";
import { runInSandbox } from "../stack/sandbox-probe.ts";
import { readServerFile } from "../stack/server-file.ts";
import { type Check, check, type DoctorOptions } from "./check.ts";
import { checkPlugins } from "./plugins.ts";
import { placeOfSecret } from "./secrets.ts";

const ANSWER_LIMIT_MS = 5_000;

/** Whether what an attempt starts runs inside of a sandbox of this machine, with git and a folder to write to. */
export async function checkInSandbox({ sandbox }: DoctorOptions): Promise<Check[]> {
  // A container has what its image has, which the worker tries itself before it is ready.
  if (sandbox !== "bwrap") return [];
  const script = 'echo x > "$(mktemp)" && git --version && exec "$0" --version';
  const { ok, tried, found } = await runInSandbox(["sh", "-c", script, process.execPath]);
  return [
    check("sandbox", "inside", ok, {
      tried,
      found: found.replaceAll("\n", ", node "),
      lost: "jobs are blocked with SANDBOX_UNAVAILABLE",
      remedy: "Install git and Slipway where every user can read them; docs/sandbox.md says what a sandbox sees.",
      required: true,
    }),
  ];
}

/** Whether the server takes this worker's token. */
export async function checkWorkerServer({ data, tokenFile }: DoctorOptions): Promise<Check[]> {
  const url = process.env["SLIPWAY_URL"] ?? (await readServerFile(data))?.url;
  const lost = "the worker gets no jobs";
  const required = true;
  if (url === undefined) {
    const tried = `SLIPWAY_URL, ${data}/server.json`;
    const remedy = "slipway up\n(or set SLIPWAY_URL to the server that the worker is for)";
    return [check("server", "server", false, { tried, found: "no server runs on the data folder", lost, remedy, required })];
  }
  const file = tokenFile ?? (process.env["SLIPWAY_URL"] ? process.env["SLIPWAY_TOKEN_FILE"] : undefined) ?? tokenFileOf(data, "worker");
  const tried = `GET ${url}/v1/whoami with the token in ${file}`;
  let token: string;
  try {
    token = readToken(file);
  } catch (error) {
    const found = `the token cannot be read: ${error instanceof Error ? error.message : String(error)}`;
    return [check("server", "token", false, { tried, found, lost, remedy: "Name the file with the worker's token with --token-file.", required })];
  }
  try {
    const { name, role } = await new Client({ url, token }).call("whoami", { signal: AbortSignal.timeout(ANSWER_LIMIT_MS) });
    const remedy = "Give the worker a token of the role worker, with --token-file.";
    return [
      check("server", "token", role === "worker", {
        tried,
        found: `the server answers; the token ${name} has the role ${role}`,
        lost: role === "admin" ? "nothing, but whoever takes the worker over has all rights" : lost,
        remedy,
        // An administrator's token may do all that a worker's may.
        required: role !== "admin",
      }),
    ];
  } catch (error) {
    const { message, hint, code } = toSlipwayError(error);
    const remedy = code === "UNAUTHENTICATED" ? "Give the worker a token that is known and not over, with --token-file." : hint;
    return [check("server", "server", false, { tried, found: message, lost, remedy, required })];
  }
}

/** Whether at least one backend is ready for a job, and the gateway answers where one of these needs a model. */
export async function checkWorkerBackends(options: DoctorOptions): Promise<Check[]> {
  const { data, sandbox } = options;
  const [probed, listed] = await Promise.all([probeWhereJobsRun(data, sandbox), listBackends(data)]);
  if (!probed.ok || !listed.ok) {
    const found = probed.ok ? (listed.ok ? "" : listed.found) : probed.found;
    const remedy = sandbox === "docker" ? "slipway images doctor" : "Run npm ci in Slipway's checkout.";
    return [check("backends", "probe", false, { tried: "runner probe", found, lost: "no agent can be started", remedy, required: true })];
  }
  const { manifests, broken } = listed.value;
  const loaded = probed.value.filter(({ backend }) => manifests.some(({ name }) => name === backend));
  const each = await Promise.all(loaded.map((probe) => readiness(probe, manifests, secretsFolder(data, "worker"))));
  const ready = each.filter(({ check: { ok } }) => ok);
  const one = check("backends", "one is ready", ready.length > 0, {
    tried: "each backend of this machine, and its secrets",
    found: ready.length > 0 ? ready.map(({ check: { name } }) => name).join(", ") : "none is ready",
    lost: "the worker can do no job",
    remedy: "Mend one of the backends above; `slipway backends` says more.",
    required: true,
  });
  const needing = ready.filter(({ needsModel }) => needsModel).map(({ check: { name } }) => name);
  return [...each.map(({ check: own }) => own), ...checkPlugins(broken), one, ...(needing.length > 0 ? [await checkGatewaySocket(options, needing)] : [])];
}

interface Readiness {
  readonly check: Check;
  readonly needsModel: boolean;
}

async function readiness(probe: ProbeResult, manifests: readonly Manifest[], folder: string): Promise<Readiness> {
  const manifest = manifests.find(({ name }) => name === probe.backend);
  const secrets = (manifest?.secrets ?? []).filter(({ required }) => required);
  const places = await Promise.all(secrets.map(async ({ name }) => ({ name, place: await placeOfSecret(name, folder, process.env) })));
  const missing = places.filter(({ place }) => place.state !== "found").map(({ name, place }) => `${name}: ${place.words}`);
  const remedy = missing.length > 0 ? "`slipway doctor` says what to type for each secret." : (probe.remedy ?? "See docs/backends.md.");
  return {
    needsModel: manifest ? manifest.capabilities.model && !manifest.capabilities.modelOptional : false,
    check: check("backends", probe.backend, probe.ok && missing.length === 0, {
      tried: probe.tried,
      found: [probe.found, ...missing].join("; "),
      lost: `jobs with the backend ${probe.backend} are blocked`,
      remedy,
    }),
  };
}

async function checkGatewaySocket({ data, gatewayFolder }: DoctorOptions, backends: readonly string[]): Promise<Check> {
  const socket = gatewayFolder === undefined ? gatewaySocket(data) : gatewaySocketIn(resolve(gatewayFolder));
  const { ok, found } = await gatewayHealth(socket);
  return check("gateway", "socket", ok, {
    tried: `GET /slipway/health on ${socket}`,
    found,
    lost: `jobs with ${backends.join(", ")} end with GATEWAY_UNAVAILABLE`,
    remedy: `Start the gateway on this machine (\`slipway up\` runs one), or look at ${data}/logs/gateway.log.`,
    required: true,
  });
}
