import { execFile } from "node:child_process";
import { mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { z } from "zod";

const run = promisify(execFile);

const foundSchema = z.object({
  outcome: z.string(),
  /** Names that were looked for. */
  names: z.array(z.string()),
  /** Of the files and folders that it left in /tmp, those that are outside of its workspace and home. */
  strays: z.array(z.string()),
});

/**
 * One turn of an agent as an ordinary user in a network of its own, in which a name server writes down who is looked for, on a disk of which nothing but
 * /tmp can be written: what it asks of the world outside, and what it leaves. `module` exports the agent under test as `name`.
 */
export async function lookUps(module: string, name: string): Promise<z.output<typeof foundSchema>> {
  const folder = await mkdtemp(join(tmpdir(), "slipway-lookups-"));
  try {
    const nameServer = join(folder, "resolv.conf");
    await writeFile(nameServer, "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n");
    const user = ["--unshare-user", "--uid", "1000", "--gid", "1000", "--unshare-net", "--cap-add", "CAP_NET_BIND_SERVICE"];
    const disk = ["--ro-bind", "/", "/", "--dev-bind", "/dev", "/dev", "--die-with-parent", "--tmpfs", "/tmp"];
    const resolver = ["--ro-bind", nameServer, await realpath("/etc/resolv.conf")];
    const child = [process.execPath, join(import.meta.dirname, "look-ups-child.ts"), module, name];
    const { stdout } = await run("bwrap", [...disk, ...user, ...resolver, "--setenv", "TMPDIR", "/tmp", "--", ...child], { timeout: 90_000 });
    return foundSchema.parse(JSON.parse(stdout));
  } finally {
    await rm(folder, { recursive: true });
  }
}
