import { hostname } from "node:os";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { gatewayFolder } from "@slipway/process/runtime-folder";
import { secretsFolder } from "@slipway/process/secret-file";
import { extraCaCerts } from "@slipway/process/trust";
import { hostPatternSchema } from "@slipway/protocol/egress";
import { SlipwayError } from "@slipway/protocol/errors";
import { DEFAULT_PORTS, type PortRange, parsePortRange } from "@slipway/protocol/port-range";
import { SANDBOX_KINDS, type SandboxKind } from "@slipway/protocol/sandbox-kind";
import { WORKSPACE_SETTINGS } from "@slipway/protocol/workspace-kind";
import { parseSize, readLimits, type SandboxLimits } from "../sandbox/limits/limits.ts";
import type { WorkspaceSettings } from "../workspaces/workspaces.ts";
import type { DaemonOptions } from "./options.ts";

const HELP = `slipway worker: claims jobs and runs them in sandboxes
  clean --data DIR    instead: ends and unmounts what a killed worker left, as \`slipway down\` does

  --data DIR          data folder; the worker keeps its things in DIR/worker
  --url URL           the server; without it the process that started this one tells it
  --token-file FILE   file with a token of the role worker
  --slots N           task jobs at once (4)
  --verify-slots N    verify jobs at once (2)
  --name NAME         name for people (the host's)
  --egress-private-host HOST
                      host on a repository's egress list whose address may be a private one; may be repeated
  --extra-ca-certs FILE
                      further certificates that worker and sandboxes trust
  --secrets DIR       folder with a file for each secret that a backend names (DATA/secrets/worker); else SLIPWAY_SECRET_<NAME>
  --workspaces KIND   auto (default), overlay, reflink or worktree: how workspaces are made (docs/workspaces.md)
  --workspace-limit SIZE
                      what one workspace may take of the disk, such as 10g; needs overlay
  --sandbox KIND      bwrap (default); docker: containers; or none: no isolation at all
  --image NAME        the one image of all containers (that of the job's backend, else slipway/all, else slipway/base, of this version)
  --memory-limit SIZE, --process-limit N, --file-limit SIZE, --cpu-limit N
                      what one sandbox may use, such as 4g; needs a control group, bubblewrap or containers (docs/sandbox.md)
  --warm-max N, --warm-min N, --warm-idle SECONDS
                      sandboxes that wait for jobs: at most (one a slot), at least (all; of containers 1) when no job has come for that long (900)
  --ports FIRST-LAST  ports of which each job gets some of its own, where it runs on the host's network (20000-29999)
  --gateway-folder DIR
                      where the model gateway has its socket (the one that \`slipway up\` starts)
`;
/** What the worker process was started with. */
export interface Arguments {
  readonly data: string;
  /** Undefined: the parent tells it. */
  readonly url: string | undefined;
  readonly tokenFile: string;
  readonly slots: number;
  readonly verifySlots: number;
  readonly name: string;
  readonly sandbox: SandboxKind;
  readonly workspaces: WorkspaceSettings;
  /** Of containers; undefined: the defaults of this version. */
  readonly image: string | undefined;
  /** Folder with the secrets of backends. */
  readonly secrets: string;
  readonly egressPrivateHosts: readonly string[];
  /** File of further certificates. */
  readonly extraCaCerts: string | undefined;
  /** Where further backends are. */
  readonly backends: string | undefined;
  readonly gatewayFolder: string;
  readonly warm: NonNullable<DaemonOptions["warm"]>;
  readonly ports: PortRange;
  /** Those that were asked for. */
  readonly limits: Partial<SandboxLimits>;
}

/** From the command line, and from the environment where that says nothing. INVALID_REQUEST; `--help` is answered here, and ends the process. */
export function readArguments(): Arguments {
  const { values } = parseArgs({
    options: {
      data: { type: "string" },
      url: { type: "string" },
      "token-file": { type: "string" },
      slots: { type: "string", default: "4" },
      "verify-slots": { type: "string", default: "2" },
      name: { type: "string", default: hostname() || "worker" },
      secrets: { type: "string" },
      "extra-ca-certs": { type: "string" },
      "egress-private-host": { type: "string", multiple: true, default: [] },
      sandbox: { type: "string", default: "bwrap" },
      workspaces: { type: "string", default: "auto" },
      "workspace-limit": { type: "string", default: "none" },
      "memory-limit": { type: "string" },
      "process-limit": { type: "string" },
      "file-limit": { type: "string" },
      "cpu-limit": { type: "string" },
      "warm-max": { type: "string" },
      "warm-min": { type: "string" },
      "warm-idle": { type: "string" },
      image: { type: "string" },
      ports: { type: "string", default: DEFAULT_PORTS },
      "gateway-folder": { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    process.exit(0);
  }
  const { sandbox } = values;
  if (!isSandboxKind(sandbox)) throw new SlipwayError("INVALID_REQUEST", `--sandbox is ${SANDBOX_KINDS.join(", ")}, not ${sandbox}.`);
  const setting = WORKSPACE_SETTINGS.find((each) => each === values.workspaces);
  if (!setting) throw new SlipwayError("INVALID_REQUEST", `--workspaces is one of ${WORKSPACE_SETTINGS.join(", ")}, not ${values.workspaces}.`);
  const data = resolve(required("--data", values.data));
  return {
    data,
    url: values.url,
    tokenFile: required("--token-file", values["token-file"]),
    slots: count("--slots", values.slots),
    verifySlots: count("--verify-slots", values["verify-slots"]),
    name: values.name.slice(0, 100),
    sandbox,
    extraCaCerts: values["extra-ca-certs"] === undefined ? extraCaCerts(process.env) : resolve(values["extra-ca-certs"]),
    egressPrivateHosts: values["egress-private-host"].map(hostPattern),
    workspaces: { setting, limitBytes: limitOf(values["workspace-limit"]) },
    image: values.image ?? process.env["SLIPWAY_IMAGE"],
    secrets: values.secrets === undefined ? secretsFolder(data, "worker") : resolve(required("--secrets", values.secrets)),
    backends: process.env["SLIPWAY_BACKENDS"] ? resolve(process.env["SLIPWAY_BACKENDS"]) : undefined,
    gatewayFolder: values["gateway-folder"] === undefined ? gatewayFolder(data) : resolve(values["gateway-folder"]),
    limits: readLimits(values, process.env),
    warm: readWarm(values),
    ports: portRange(values.ports),
  };
}

function readWarm(values: { "warm-max"?: string | undefined; "warm-min"?: string | undefined; "warm-idle"?: string | undefined }): Arguments["warm"] {
  const read = (name: keyof typeof values, variable: string): number | undefined => {
    const text = values[name] ?? process.env[variable];
    if (text === undefined || /^\d{1,5}$/.test(text)) return text === undefined ? undefined : Number(text);
    throw new SlipwayError("INVALID_REQUEST", `--${name} is a whole number from 0 to 99999, not ${text}.`);
  };
  const [max, min, idle] = [read("warm-max", "SLIPWAY_WARM_MAX"), read("warm-min", "SLIPWAY_WARM_MIN"), read("warm-idle", "SLIPWAY_WARM_IDLE")];
  return { ...(max === undefined ? {} : { max }), ...(min === undefined ? {} : { min }), ...(idle === undefined ? {} : { idleMs: idle * 1_000 }) };
}

function isSandboxKind(text: string): text is SandboxKind {
  return (SANDBOX_KINDS as readonly string[]).includes(text);
}

function required(name: string, value: string | undefined): string {
  if (value === undefined || value === "") throw new SlipwayError("INVALID_REQUEST", `${name} is missing.`, { hint: "`--help` lists the arguments." });
  return value;
}

function hostPattern(text: string): string {
  const { success, error } = hostPatternSchema.safeParse(text);
  if (success) return text;
  throw new SlipwayError("INVALID_REQUEST", `--egress-private-host ${text}: ${error.issues[0]?.message}.`);
}

function portRange(text: string): PortRange {
  const range = parsePortRange(text);
  if (range) return range;
  throw new SlipwayError("INVALID_REQUEST", `--ports is two ports from 1024 to 65535, the lower one first, such as ${DEFAULT_PORTS}, not ${text}.`);
}

function limitOf(size: string): number | undefined {
  return parseSize("--workspace-limit", size) ?? undefined;
}

function count(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > 256) throw new SlipwayError("INVALID_REQUEST", `${name} is a number from 1 to 256, not ${text}.`);
  return value;
}
