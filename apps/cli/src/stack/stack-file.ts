import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pidNamespace } from "@slipway/process/pid-namespace";
import { processTable } from "@slipway/process/process-table";
import { z } from "zod";

const stackFileSchema = z.object({ pid: z.int().positive(), startTime: z.string(), pidNamespace: z.string().nullable() });
/** The supervisor of a data folder: a process that cannot be mistaken for a later one. */
export type StackFile = z.infer<typeof stackFileSchema>;

function fileOf(data: string): string {
  return join(data, "stack.json");
}

/** Says that this process is the supervisor of the data folder: by that `slipway down` finds it. Disposing takes it back. */
export function writeStackFile(data: string): Disposable {
  const mark = processTable().mark(process.pid);
  if (!mark) return { [Symbol.dispose]: () => undefined };
  writeFileSync(fileOf(data), `${JSON.stringify({ ...mark, pidNamespace: pidNamespace() })}\n`, { mode: 0o600 });
  return { [Symbol.dispose]: () => removeStackFile(data) };
}

/** Whether a supervisor has been here and did not take its word back: it lives, or was killed. */
export function hasStackFile(data: string): boolean {
  return existsSync(fileOf(data));
}

/** Removes what a killed supervisor left. */
export function removeStackFile(data: string): void {
  rmSync(fileOf(data), { force: true });
}

/** The supervisor of a data folder, if it lives and is a process that this one can see. */
export function readStackFile(data: string): StackFile | undefined {
  let text: string;
  try {
    text = readFileSync(fileOf(data), "utf8");
  } catch {
    return undefined; // No file: nothing was started here, the usual case.
  }
  const parsed = stackFileSchema.safeParse(parseJson(text));
  // A pid of another container means another process here.
  if (!parsed.success || parsed.data.pidNamespace !== pidNamespace()) return undefined;
  return processTable().isAlive(parsed.data) ? parsed.data : undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // Half a file from a crash counts as none.
  }
}
