import { access, constants, stat, statfs } from "node:fs/promises";
import { dirname, join } from "node:path";
import { readGit } from "../checkout/read-git.ts";
import { dataFolder, runtimeFolder } from "../stack/data-folder.ts";
import { probeEngine } from "../stack/engine-probe.ts";
import { probeBubblewrap } from "../stack/sandbox-probe.ts";
import { bytes } from "../terminal/text.ts";
import { type Check, check, type DoctorOptions } from "./check.ts";

const NODE_MAJOR = 24;
/** `git merge-tree --write-tree` came with 2.38. */
const GIT_MINIMUM = [2, 38] as const;
const DISK_REQUIRED_BYTES = 1_073_741_824;
/** Longest path of a unix socket, less the names that Slipway adds. */
const RUNTIME_PATH_LIMIT_BYTES = 80;

export async function checkNode(): Promise<Check[]> {
  return [
    check("node", "node", Number(process.versions.node.split(".")[0]) >= NODE_MAJOR, {
      tried: `node --version of ${process.execPath}`,
      found: process.version,
      lost: "nothing runs",
      remedy: "Start Slipway with scripts/slipway, which brings its own Node 24.",
      required: true,
    }),
  ];
}

export async function checkGit(): Promise<Check[]> {
  return [...(await checkWorkerGit()), await checkHttpBackend()];
}

/** A worker serves nothing, and so needs no more of git than the command. */
export async function checkWorkerGit(): Promise<Check[]> {
  const version = await readGit(["--version"], "/").catch((error: unknown) => String(error instanceof Error ? error.message : error));
  const [, major = "0", minor = "0"] = /(\d+)\.(\d+)/.exec(version) ?? [];
  const ok = Number(major) > GIT_MINIMUM[0] || (Number(major) === GIT_MINIMUM[0] && Number(minor) >= GIT_MINIMUM[1]);
  return [
    check("git", "git", ok, {
      tried: "git --version",
      found: version,
      lost: "nothing runs",
      remedy: `Install git ${GIT_MINIMUM.join(".")} or newer (Debian: apt install git).`,
      required: true,
    }),
  ];
}

async function checkHttpBackend(): Promise<Check> {
  const folder = await readGit(["--exec-path"], "/").catch(() => "");
  const backend = join(folder, "git-http-backend");
  const there = await access(backend, constants.X_OK).then(
    () => true,
    () => false,
  );
  return check("git", "http-backend", there, {
    tried: backend,
    found: there ? "there" : "missing",
    lost: "the server cannot serve its hub",
    remedy: "Install the whole of git; some distributions split it (Alpine: apk add git-daemon).",
    required: true,
  });
}

export async function checkSandbox(options: DoctorOptions): Promise<Check[]> {
  const [probe, engine] = await Promise.all([probeBubblewrap(), options.sandbox === "docker" ? probeEngine() : undefined]);
  return [
    ...(engine
      ? [
          check("sandbox", "container engine", engine.ok, {
            tried: engine.tried,
            found: engine.found,
            lost: "isolation: jobs are refused with SANDBOX_UNAVAILABLE",
            remedy: "Start the container engine, or name its socket in DOCKER_HOST; `slipway images doctor` looks at the images.",
            required: true,
          }),
        ]
      : []),
    check("sandbox", "bubblewrap", probe.ok, {
      tried: probe.tried,
      found: probe.found,
      lost: "isolation: jobs are refused with SANDBOX_UNAVAILABLE unless `--sandbox none` is given",
      remedy:
        "apt install bubblewrap (where it is installed and fails, the kernel forbids user namespaces: sysctl kernel.unprivileged_userns_clone=1); or use --sandbox none",
      required: options.sandbox === "bwrap",
    }),
  ];
}

export async function checkDisk(options: DoctorOptions): Promise<Check[]> {
  const folder = await nearestFolder(options.data);
  const stats = await statfs(folder);
  const free = stats.bavail * stats.bsize;
  return [
    check("disk", "free space", free >= DISK_REQUIRED_BYTES, {
      tried: `statfs ${folder}`,
      found: `${bytes(free)} free`,
      lost: "jobs fail with DISK_FULL",
      remedy: `Free at least ${bytes(DISK_REQUIRED_BYTES)}, or choose another data folder with SLIPWAY_DATA.`,
      required: true,
    }),
  ];
}

export async function checkDataFolder(options: DoctorOptions): Promise<Check[]> {
  const { data } = options;
  const folder = await nearestFolder(data);
  const writable = await access(folder, constants.W_OK | constants.X_OK).then(
    () => true,
    () => false,
  );
  const there = folder === data;
  const mode = there ? (await stat(data)).mode & 0o777 : 0o700;
  const runtime = runtimeFolder(data);
  return [
    check("data folder", "writable", writable, {
      tried: data,
      found: `${there ? "there" : "not there yet"}, ${writable ? "writable" : `${folder} cannot be written to`}`,
      lost: "no server can be started",
      remedy: `Give it to this user (chown), or choose another one with --data or SLIPWAY_DATA (default: ${dataFolder()}).`,
      required: true,
    }),
    check("data folder", "private", (mode & 0o077) === 0, {
      tried: `mode of ${data}`,
      found: there ? `0${mode.toString(8)}` : "will be 0700",
      lost: "other users of this machine may read tokens and sources",
      remedy: `chmod 700 ${data}`,
    }),
    check("data folder", "socket path", Buffer.byteLength(runtime) <= RUNTIME_PATH_LIMIT_BYTES, {
      tried: runtime,
      found: `${Buffer.byteLength(runtime)} bytes`,
      lost: "runners cannot be reached: unix socket paths end at 107 bytes",
      remedy: "Set XDG_RUNTIME_DIR to a shorter path.",
      required: true,
    }),
  ];
}

/** The folder itself, or the nearest one above it that exists. */
async function nearestFolder(path: string): Promise<string> {
  const there = await stat(path).then(
    (stats) => stats.isDirectory(),
    () => false,
  );
  return there || path === dirname(path) ? path : await nearestFolder(dirname(path));
}
