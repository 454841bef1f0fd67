import { chmod, chown, stat } from "node:fs/promises";
import { join } from "node:path";
import { SlipwayError } from "@slipway/protocol/errors";
import { execa } from "execa";

/** Who the inside is, on the host. */
export interface AgentUser {
  readonly uid: number;
  readonly gid: number;
}

/** Who the agent is where the worker is root: the images' user `agent`. */
const AGENT: AgentUser = { uid: 1_000, gid: 1_000 };

/** The worker's own user, unless that is root: an agent that is root in a container is root to the host's kernel too. */
export function agentUser(): AgentUser {
  const [uid, gid] = [process.getuid?.() ?? 0, process.getgid?.() ?? 0];
  return uid === 0 ? AGENT : { uid, gid };
}

/** Makes the agent the owner of a folder and of all in it. See `SandboxProvider.giveTo`. */
export async function giveToAgent({ uid, gid }: AgentUser, folder: string): Promise<void> {
  if ((await stat(folder)).uid === uid && process.getuid?.() !== 0) return;
  const { failed, stderr } = await execa("chown", ["-hR", `${uid}:${gid}`, "--", folder], { reject: false, stdin: "ignore" });
  if (failed) throw new SlipwayError("SANDBOX_UNAVAILABLE", `${folder} cannot be given to the agent's user ${uid}: ${stderr}`, { folder });
}

/**
 * Lets the agent's group into the folder of the gateway's socket where the agent is another user, and no one else. The set-group-id bit gives the group to
 * the sockets of gateways that start later.
 */
export async function openGatewayTo({ uid, gid }: AgentUser, folder: string): Promise<void> {
  const own = process.getuid?.() ?? 0;
  if (own === uid) return;
  await chown(folder, own, gid);
  await chmod(folder, 0o2750);
  const socket = join(folder, "s");
  try {
    await chown(socket, own, gid);
    await chmod(socket, 0o660);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}
