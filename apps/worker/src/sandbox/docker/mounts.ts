import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Docker } from "@slipway/images/engine/engine";
import { CERTIFICATES_INSIDE } from "../network-environment.ts";
import { refuseUnsafe } from "../refuse-unsafe.ts";
import type { SandboxCommand, SandboxSpec } from "../sandbox.ts";

export const INSIDE = {
  workspace: "/workspace",
  home: "/home/agent",
  spool: "/spool",
  control: "/control",
  run: "/control/run",
  gateway: "/control/gateway",
  egress: "/egress",
  certificates: CERTIFICATES_INSIDE,
} as const;

/** Where an image has the runner. */
export const RUNNER = "/opt/slipway/apps/runner/src/main.ts";

export interface RunnerMounts {
  readonly socketFolder: string;
  readonly gatewayFolder: string | undefined;
}

/** What every container of a sandbox sees of the host: its workspace, which a runner may have to leave as it is, its home, and what its spec and the settings name, read-only. */
export function specMounts(
  spec: Omit<SandboxSpec, "workspaceReadOnly">,
  shown: readonly string[],
  hidden: readonly string[],
  isWritable = true,
): Docker.MountSettings[] {
  const readOnly = [...new Set([...shown, ...spec.readOnly].map((path) => resolve(path)))].sort();
  for (const path of readOnly) refuseUnsafe(path, hidden);
  return [
    bind(spec.workspace, INSIDE.workspace, isWritable),
    bind(spec.home, INSIDE.home, true),
    ...(spec.certificates === undefined ? [] : [bind(spec.certificates, INSIDE.certificates, false)]),
    ...readOnly.map((path) => bind(path, path, false)),
  ];
}

/** What the container of a runner sees besides. */
export function runnerMounts(spec: SandboxSpec, { socketFolder, gatewayFolder }: RunnerMounts): Docker.MountSettings[] {
  return [
    bind(spec.spool, INSIDE.spool, true),
    bind(spec.control, INSIDE.control, false),
    bind(socketFolder, INSIDE.run, false),
    ...(gatewayFolder === undefined ? [] : [bind(gatewayFolder, INSIDE.gateway, false)]),
  ];
}

/** What the container of one command sees besides. */
export function commandMounts({ mounts = [] }: Pick<SandboxCommand, "mounts">): Docker.MountSettings[] {
  return mounts.map(({ host, inside, writable }) => bind(host, inside, writable));
}

function bind(source: string, target: string, writable: boolean): Docker.MountSettings {
  // What the worker mounts below later is seen inside too, where mounts are told on at all; an engine refuses to start the container where they are not.
  const propagation = isShared(source) ? "rslave" : "rprivate";
  return { Type: "bind", Source: source, Target: target, ReadOnly: !writable, BindOptions: { Propagation: propagation } };
}

/** Whether mounts that are made below this folder are told on to others, by proc_pid_mountinfo(5): shared is what its optional fields say. */
export function isShared(path: string, mountInfo = readFileSync("/proc/self/mountinfo", "utf8")): boolean {
  let best = { point: "", shared: false };
  for (const line of mountInfo.split("\n")) {
    const [, , , , escaped, , ...rest] = line.split(" ");
    if (escaped === undefined) continue;
    const point = escaped.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
    const isAround = path === point || path.startsWith(join(point, "/"));
    // Of two at the same place the later one covers the other.
    if (isAround && point.length >= best.point.length) best = { point, shared: rest.slice(0, rest.indexOf("-")).some((field) => field.startsWith("shared:")) };
  }
  return best.shared;
}
