import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { pidNamespace } from "@slipway/process/pid-namespace";
import { z } from "zod";

const serverFileSchema = z.object({
  url: z.string(),
  pid: z.int().positive(),
  pidNamespace: z.string().nullish(),
  installationId: z.string(),
  version: z.string(),
});
type ServerFile = z.infer<typeof serverFileSchema>;

/** What the server of this folder says of itself, if its process lives. */
export async function readServerFile(data: string): Promise<ServerFile | undefined> {
  let text: string;
  try {
    text = await readFile(join(data, "server.json"), "utf8");
  } catch {
    return undefined; // No file: no server, the usual case.
  }
  const parsed = serverFileSchema.safeParse(parseJson(text));
  return parsed.success && mayLive(parsed.data) ? parsed.data : undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // Half a file from a crash counts as none.
  }
}

/** The pid of a server in a container says nothing here; whether it answers will tell. */
function mayLive(file: ServerFile): boolean {
  return (file.pidNamespace ?? null) !== pidNamespace() || isAlive(file.pid);
}

/** Whether a process with this id is there (EPERM: it is, and belongs to somebody else). */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
