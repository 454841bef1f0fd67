import { existsSync, lstatSync, readdirSync, readlinkSync, statSync } from "node:fs";
import { join, resolve, sep } from "node:path";
import type { ResourceGroups } from "../limits/resource-groups.ts";
import { CERTIFICATES_INSIDE } from "../network-environment.ts";
import { refuseUnsafe } from "../refuse-unsafe.ts";
import type { SandboxSpec } from "../sandbox.ts";

export const INSIDE = {
  workspace: "/workspace",
  home: "/home/agent",
  spool: "/spool",
  control: "/control",
  run: "/control/run",
  cache: "/control/cache",
  gateway: "/control/gateway",
  egress: "/egress",
  certificates: CERTIFICATES_INSIDE,
} as const;

/** What all sandboxes of a provider see of the host. */
export interface HostView {
  readonly installRoot: string;
  /** The worker's own short folder for sockets. */
  readonly runtimeFolder: string;
  /** Synthetic files for /etc: passwd, group, hostname, hosts. */
  readonly etcFolder: string;
  /** Never visible, whatever is mounted around them, but for what a spec names below them. */
  readonly maskPaths: readonly string[];
  /** Backends of others: the folder that names them, and all that must be seen of them. */
  readonly backends: { readonly folder: string; readonly paths: readonly string[] } | undefined;
  /** Where what runs in a sandbox is counted. */
  readonly groups: ResourceGroups;
  /** Before the argv of each command inside. */
  readonly commandPrefix: readonly string[];
  /** This bwrap can keep the inside from making user namespaces of its own. */
  readonly canDisableUserns: boolean;
  /** Agents that were installed for this worker, for its runners alone, at their own path. */
  readonly agentsFolder: string | undefined;
}

export interface ViewOptions {
  readonly network: "none" | "host";
  readonly mounts?: ReadonlyArray<{ readonly host: string; readonly inside: string; readonly writable: boolean }>;
  /** With the folders of a runner: spool, control, socket, the gateway's socket. */
  readonly runner?: { readonly socketFolder: string; readonly cacheFolder: string | undefined; readonly gatewayFolder: string | undefined };
}

/** What the runner needs of a checkout. */
const INSTALL_PARTS = ["apps/runner", "packages", "backends", "node_modules"];
const SYSTEM = ["/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"];
/** Of /etc only what programs need to run, and nothing that names a person, a secret or the machine. Private keys lie beside the certificates: not the whole of /etc/ssl. */
const ETC =
  /^(alternatives|ca-certificates|ca-certificates\.conf|debian_version|fonts|java.*|ld\.so\.(cache|conf|conf\.d)|locale\.alias|localtime|magic|magic\.mime|maven|mime\.types|nsswitch\.conf|os-release|perl|protocols|python3.*|services|timezone)$/;
const ETC_PATHS = ["/etc/ssl/certs", "/etc/ssl/openssl.cnf", "/etc/pki/tls/certs", "/etc/pki/tls/cert.pem", "/etc/pki/ca-trust/extracted"];
/** Of /proc what tells of the whole machine; the list of container engines, and what a root worker's agent could read as the files' owner. */
const PROC_FILES = [
  "kcore",
  "keys",
  "kmsg",
  "kpagecgroup",
  "kpagecount",
  "kpageflags",
  "latency_stats",
  "timer_list",
  "timer_stats",
  "sched_debug",
  "slabinfo",
  "vmallocinfo",
  "pagetypeinfo",
  "iomem",
  "mtrr",
  "config.gz",
];
const PROC_FOLDERS = ["acpi", "asound", "scsi", "driver"];
const TMP_LIMIT_BYTES = 4 * 1_073_741_824;
/** An empty folder; room for the mount points below it. */
const MASK_LIMIT_BYTES = 1_048_576;

/** The options of bwrap that make the view of a sandbox. SANDBOX_UNAVAILABLE where the spec asks for what must not be seen. */
export function viewOptions(host: HostView, spec: SandboxSpec, options: ViewOptions): string[] {
  return [
    ...namespaces(host, options.network),
    ...systemFolders(),
    ...procAndDev(),
    ...["--size", String(TMP_LIMIT_BYTES), "--perms", "1777", "--tmpfs", "/tmp", "--dir", "/run", "--dir", "/var", "--symlink", "../tmp", "/var/tmp"],
    ...etc(host, options.network),
    ...(spec.certificates === undefined ? [] : ["--ro-bind", spec.certificates, INSIDE.certificates]),
    ...hostFolders(host, spec),
    ...[options.runner && spec.workspaceReadOnly ? "--ro-bind" : "--bind", spec.workspace, INSIDE.workspace, "--bind", spec.home, INSIDE.home],
    ...runnerFolders(host, spec, options),
    ...(options.mounts ?? []).flatMap((mount) => [mount.writable ? "--bind" : "--ro-bind", mount.host, mount.inside]),
    // The owner of a root worker's agent is root outside: through a writable /proc it set core_pattern, and so ran a program on the host (tried).
    ...["--remount-ro", "/proc", "--remount-ro", "/", "--chdir", INSIDE.workspace, "--clearenv"],
  ];
}

function namespaces(host: HostView, network: "none" | "host"): string[] {
  return [
    ...["--unshare-user", "--uid", "1000", "--gid", "1000", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--hostname", "slipway", "--unshare-cgroup-try"],
    ...(network === "none" ? ["--unshare-net"] : []),
    ...(host.canDisableUserns ? ["--disable-userns"] : []),
    ...["--cap-drop", "ALL", "--new-session"],
  ];
}

function systemFolders(): string[] {
  const options = ["--ro-bind", "/usr", "/usr"];
  for (const path of SYSTEM) {
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (stat?.isSymbolicLink()) options.push("--symlink", readlinkSync(path), path);
    else if (stat) options.push("--ro-bind", path, path);
  }
  return options;
}

function procAndDev(): string[] {
  const options = ["--proc", "/proc", "--dev", "/dev"];
  for (const name of PROC_FILES) if (existsSync(`/proc/${name}`)) options.push("--ro-bind", "/dev/null", `/proc/${name}`);
  for (const name of PROC_FOLDERS) if (existsSync(`/proc/${name}`)) options.push("--tmpfs", `/proc/${name}`, "--remount-ro", `/proc/${name}`);
  return options;
}

function etc(host: HostView, network: "none" | "host"): string[] {
  const synthetic = network === "host" ? ["passwd", "group", "hostname"] : ["passwd", "group", "hostname", "hosts"];
  const names = readdirSync("/etc").filter((name) => ETC.test(name));
  const paths = [...names.map((name) => `/etc/${name}`), ...ETC_PATHS, ...(network === "host" ? ["/etc/resolv.conf", "/etc/hosts"] : [])];
  return [
    ...["--dir", "/etc"],
    ...synthetic.flatMap((name) => ["--ro-bind", join(host.etcFolder, name), `/etc/${name}`]),
    ...paths.filter((path) => existsSync(path)).flatMap((path) => ["--ro-bind", path, path]),
  ];
}

/** Mounts at their own paths, outer folders first, each mask in its place between them. */
function hostFolders(host: HostView, spec: SandboxSpec): string[] {
  const parts = INSTALL_PARTS.map((part) => join(host.installRoot, part)).filter((path) => existsSync(path));
  const backends = host.backends?.paths ?? [];
  const shown = [...new Set([process.execPath, ...parts, ...backends, ...spec.readOnly].map((path) => resolve(path)))];
  for (const path of [...backends, ...spec.readOnly]) refuseUnsafe(resolve(path), host.maskPaths);
  const masks = masksWithin(host, [...shown, ...SYSTEM, "/usr"]);
  const steps = [...shown.map((path) => ({ path, isMask: false })), ...masks.map((path) => ({ path, isMask: true }))].sort(
    (a, b) => a.path.length - b.path.length,
  );
  return steps.flatMap(({ path, isMask }) => {
    if (!isMask) return ["--ro-bind", path, path];
    return statSync(path).isDirectory() ? ["--size", String(MASK_LIMIT_BYTES), "--perms", "0700", "--tmpfs", path] : ["--ro-bind", "/dev/null", path];
  });
}

/** The masks that lie below something that is shown; the others are not there in the first place. */
function masksWithin(host: HostView, roots: readonly string[]): string[] {
  return host.maskPaths.map((path) => resolve(path)).filter((mask) => existsSync(mask) && roots.some((root) => mask.startsWith(root + sep)));
}

function runnerFolders({ agentsFolder }: HostView, spec: SandboxSpec, options: ViewOptions): string[] {
  if (!options.runner) return [];
  const { socketFolder, cacheFolder, gatewayFolder } = options.runner;
  return [
    ...["--bind", spec.spool, INSIDE.spool, "--ro-bind", spec.control, INSIDE.control, "--ro-bind", socketFolder, INSIDE.run],
    ...(cacheFolder === undefined ? [] : ["--ro-bind", cacheFolder, INSIDE.cache]),
    ...(gatewayFolder === undefined ? [] : ["--ro-bind", gatewayFolder, INSIDE.gateway]),
    ...(agentsFolder === undefined ? [] : ["--ro-bind", agentsFolder, agentsFolder]),
  ];
}
