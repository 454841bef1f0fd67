import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { z } from "zod";

/** The data folder: the option, else SLIPWAY_DATA, else the user's own. */
export function dataFolder(option?: string): string {
  const chosen = option ?? process.env["SLIPWAY_DATA"];
  if (chosen) return resolve(chosen);
  return join(process.env["XDG_DATA_HOME"] || join(homedir(), ".local", "share"), "slipway");
}

export function tokenFile(data: string, role: "admin" | "worker" | "integrator"): string {
  return join(data, "tokens", `${role}.token`);
}

/** Where the processes that this command line starts write their logs. */
export function logFile(data: string, part: string): string {
  return join(data, "logs", `${part}.log`);
}

/** Short folder for unix sockets; a path over 107 bytes cannot be bound. */
export function runtimeFolder(data: string): string {
  const id = createHash("sha256").update(data).digest("hex").slice(0, 8);
  return join(process.env["XDG_RUNTIME_DIR"] || "/tmp", `slipway-${id}`);
}

const serverFileSchema = z.object({ url: z.string(), pid: z.int().positive(), installationId: z.string(), version: z.string() });
export type ServerFile = z.infer<typeof serverFileSchema>;

/** What the server of this folder says of itself, if its process lives. */
export async function readServerFile(data: string): Promise<ServerFile | undefined> {
  let text: string;
  try {
    text = await readFile(join(data, "server.json"), "utf8");
  } catch {
    return undefined; // No file: no server, the usual case.
  }
  const parsed = serverFileSchema.safeParse(parseJson(text));
  return parsed.success && isAlive(parsed.data.pid) ? parsed.data : undefined;
}

export function readToken(path: string): string {
  return readFileSync(path, "utf8").trim();
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // Half a file from a crash counts as none.
  }
}

/** Whether a process with this id is there (EPERM: it is, and belongs to somebody else). */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
