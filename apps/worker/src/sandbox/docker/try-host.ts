import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bootId } from "@slipway/process/boot-id";
import { SlipwayError } from "@slipway/protocol/errors";
import type { SandboxSpec } from "../sandbox.ts";
import { giveToAgent } from "./agent-user.ts";
import { CommandContainers } from "./command-containers.ts";
import type { DockerHost } from "./host.ts";

const TRIAL = 'echo fine >"$HOME/written" && cat "$HOME/written" && command -v git node >/dev/null || echo "the image needs git and node"';

/**
 * Runs a command in a container as jobs have it; once for an image and a start of the machine, as a restarted worker must have taken up its attempts before
 * their leases are over. SANDBOX_UNAVAILABLE, with what it said, where it cannot write in its home or lacks what jobs need.
 */
export async function tryHost(host: DockerHost): Promise<void> {
  const { runtimeFolder, limits } = host.settings;
  const tried = createHash("sha256")
    .update(JSON.stringify([bootId(), host.image.imageId, host.agent, limits]))
    .digest("hex");
  const marker = join(runtimeFolder, `tried-${tried.slice(0, 24)}`);
  if (existsSync(marker)) return;
  await tryContainer(host);
  await writeFile(marker, "");
}

async function tryContainer(host: DockerHost): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "slipway-probe-"));
  const spec: SandboxSpec = { id: folder, workspace: folder, home: folder, spool: folder, control: folder, readOnly: [] };
  const commands = new CommandContainers(host, spec);
  try {
    await giveToAgent(host.agent, folder);
    const command = { argv: ["sh", "-c", TRIAL], env: {}, network: "none", timeoutMs: 60_000, outputLimitBytes: 65_536 } as const;
    const result = await commands.run(command, new AbortController().signal);
    const words = result.output.toString("utf8").trim();
    if (result.exitCode === 0 && words === "fine") return;
    throw new SlipwayError("SANDBOX_UNAVAILABLE", `A container of ${host.image.name} does not do what it should: ${words || `exit code ${result.exitCode}`}`, {
      image: host.image.name,
      hint: "`slipway images doctor` looks closer.",
    });
  } finally {
    await commands.end(0);
    await rm(folder, { recursive: true, force: true });
  }
}
