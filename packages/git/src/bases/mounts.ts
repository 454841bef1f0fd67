import { readFile } from "node:fs/promises";
import { relative } from "node:path";
import { SlipwayError } from "@slipway/protocol/errors";
import { execa } from "execa";
import { ignoreMissing } from "../bare-store.ts";
import { runSystem } from "./system.ts";

/** A mount as this process sees it (proc_pid_mountinfo(5)). */
export interface Mount {
  readonly point: string;
  readonly type: string;
  /** The file system's own options, such as `lowerdir=…`. */
  readonly options: string;
  readonly isShared: boolean;
}

export interface OverlayMount {
  /** Folder that the layers' paths are told from, so that no name of the machine's has to be escaped. */
  readonly from: string;
  /** Topmost first. */
  readonly lower: readonly string[];
  readonly upper: string;
  readonly work: string;
  readonly at: string;
  /** Whether folders of the layers below may be renamed: by that the upper layer is bound to those below it. */
  readonly renames: boolean;
}

/** mount(2) takes a page of options. */
const OPTIONS_LIMIT_BYTES = 4_000;
/**
 * Inode numbers are those of the layers, so that an index made of a base holds above it; a copied-up file is whole. `volatile`: neither a sync inside nor the unmounting waits for the disk, as no workspace outlives a power cut.
 */
const OVERLAY_OPTIONS = ["xino=off", "index=off", "metacopy=off", "volatile", "nosuid", "nodev"];

/** All mounts, in the order in which they were made; none where the system has no such list. */
export async function readMounts(): Promise<Mount[]> {
  const text = await readFile("/proc/self/mountinfo", "utf8").catch(ignoreMissing);
  return (text ?? "").split("\n").filter(Boolean).map(parseMount);
}

/** The mounts at a folder and below it, in the order in which they were made. */
export async function mountsBelow(path: string): Promise<Mount[]> {
  return (await readMounts()).filter(({ point }) => point === path || point.startsWith(`${path}/`));
}

/** Unmounts what is at a folder or below it, the last first, also what is still in use. WORKSPACE_FAILED where the system refuses. */
export async function unmountBelow(path: string): Promise<void> {
  for (const { point } of (await mountsBelow(path)).reverse()) {
    const ended = await execa("umount", ["--", point], { stdin: "ignore", reject: false });
    // One that was passed on goes with the one that it came from.
    const isGone = ended.exitCode === 0 || !(await readMounts()).some((mount) => mount.point === point);
    // Whoever still has it open keeps it until they end; its name is free at once.
    if (!isGone) await runSystem("umount", ["--lazy", "--", point]);
  }
}

/**
 * Has later mounts below a folder passed on to whoever has a part of it bound: makes it a mount of its own, unless the mount that it lies on is a shared one.
 * That one must be left as it is: in a container it is what the host, and so the engine, sees of it.
 */
export async function shareFolder(path: string): Promise<void> {
  if (mountOf(path, await readMounts())?.isShared) return;
  await runSystem("mount", ["--bind", path, path]);
  // Out of the group of the mount that it lies in, or every mount below would be made there a second time.
  await runSystem("mount", ["--make-private", path]);
  await runSystem("mount", ["--make-shared", path]);
}

/** The mount that a folder lies on: the innermost, and of two at one place the one that covers the other. */
function mountOf(path: string, mounts: readonly Mount[]): Mount | undefined {
  const around = mounts.filter(({ point }) => path === point || path.startsWith(point.endsWith("/") ? point : `${point}/`));
  return around.findLast(({ point }) => point.length === Math.max(...around.map((each) => each.point.length)));
}

/** WORKSPACE_FAILED where the system refuses, DISK_FULL. */
export async function mountOverlay(overlay: OverlayMount): Promise<void> {
  const named = (path: string): string => {
    const name = relative(overlay.from, path);
    if (/[,:\\\n]/.test(name)) throw new SlipwayError("WORKSPACE_FAILED", `A layer cannot have such a path: ${JSON.stringify(name)}.`);
    return name;
  };
  const layers = [`lowerdir=${overlay.lower.map(named).join(":")}`, `upperdir=${named(overlay.upper)}`, `workdir=${named(overlay.work)}`];
  const options = [...layers, ...OVERLAY_OPTIONS, `redirect_dir=${overlay.renames ? "on" : "off"}`].join(",");
  if (Buffer.byteLength(options) > OPTIONS_LIMIT_BYTES) throw new SlipwayError("WORKSPACE_FAILED", "There are too many layers for one mount.", { options });
  await runSystem("mount", ["-t", "overlay", "-o", options, "slipway", overlay.at], { cwd: overlay.from });
}

function parseMount(line: string): Mount {
  const fields = line.split(" ");
  const dash = fields.indexOf("-", 6);
  return {
    point: unescaped(fields[4] ?? ""),
    type: fields[dash + 1] ?? "",
    options: fields[dash + 3] ?? "",
    isShared: fields.slice(6, dash).some((field) => field.startsWith("shared:")),
  };
}

/** The kernel writes space, tab, newline and backslash as octal numbers. */
function unescaped(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}
