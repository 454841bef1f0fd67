import { type ChildProcess, execFile, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmdirSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Why no file system can be mounted here; undefined where one can. Only root may, and not in every container. */
export function whyNoMount(): string | undefined {
  if (process.platform !== "linux") return "this is not Linux";
  if (process.getuid?.() !== 0) return "only root may mount a small file system";
  const where = mkdtempSync(join(tmpdir(), "slipway-mount-"));
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=64k", "slipway-test", where], { stdio: "pipe" });
    execFileSync("umount", [where]);
    return undefined;
  } catch (error) {
    return `mount fails: ${String((error as { stderr?: Buffer }).stderr ?? error).trim()}`;
  } finally {
    rmdirSync(where);
  }
}

/** A small file system of its own, in memory: a real ENOSPC when it is full. */
export class SmallDisk implements AsyncDisposable {
  readonly path: string;
  #filler: ChildProcess | undefined;

  private constructor(path: string) {
    this.path = path;
  }

  static async mount(mebibytes: number): Promise<SmallDisk> {
    const path = await mkdtemp(join(tmpdir(), "slipway-disk-"));
    await run("mount", ["-t", "tmpfs", "-o", `size=${mebibytes}m,mode=700`, "slipway-test", path]);
    return new SmallDisk(path);
  }

  /** Takes all the room that is left, and what others give back, until `free`. */
  async fill(): Promise<void> {
    const script = 'while :; do cat /dev/zero 2>/dev/null >> "$0"; echo full; sleep 0.02; done';
    this.#filler = spawn("sh", ["-c", script, this.#ballast], { stdio: ["ignore", "pipe", "ignore"] });
    this.#filler.stdout?.resume();
    await once(this.#filler.stdout as NodeJS.EventEmitter, "data");
  }

  /** Gives it back. */
  async free(): Promise<void> {
    const filler = this.#filler;
    if (!filler) return;
    this.#filler = undefined;
    const gone = once(filler, "close");
    filler.kill("SIGKILL");
    await gone;
    await rm(this.#ballast);
  }

  get #ballast(): string {
    return join(this.path, "ballast");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.free();
    await run("umount", [this.path]);
    await rm(this.path, { recursive: true });
  }
}
