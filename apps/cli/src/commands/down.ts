import { existsSync } from "node:fs";
import type { WorkerClean } from "@slipway/protocol/worker-clean";
import type { Command } from "commander";
import { cleanWorker } from "../stack/clean-worker.ts";
import { dataFolder } from "../stack/data-folder.ts";
import { type StoppedStack, stopStack, untilNobodyRuns } from "../stack/stop-stack.ts";
import { plural } from "../terminal/text.ts";
import { type CommonOptions, screenOf, withCommon } from "./options.ts";

export function addDown(program: Command): void {
  withCommon(program.command("down"))
    .summary("stop what runs on this machine, and clean up behind what was killed")
    .description(
      "Stops what `slipway up` or `slipway run` started on the data folder. Of a worker that was killed it ends the sandboxes and containers, and unmounts what is below its folder. Jobs and files stay.",
    )
    .action(downCommand);
}

async function downCommand(options: CommonOptions): Promise<void> {
  const screen = screenOf(options);
  const data = dataFolder(options.data);
  if (!existsSync(data)) {
    screen.document({ data, stopped: null, left: null });
    return screen.print(`Nothing runs: there is no data folder ${data}.`);
  }
  const stopped = await stopStack(data);
  await untilNobodyRuns(data);
  const left = await cleanWorker(data);
  screen.document({ data, stopped: stopped ?? null, left });
  for (const line of textOf(stopped, left)) screen.print(line);
  screen.print(
    stopped || hasAny(left)
      ? `Nothing of it runs any more. Jobs and files are kept in ${data}.`
      : `Nothing runs on the data folder ${data}, and nothing is left of it.`,
  );
}

function hasAny({ sandboxes, containers, mounts, attempts }: WorkerClean): boolean {
  return sandboxes + containers.length + mounts.length + attempts > 0;
}

function textOf(stopped: StoppedStack | undefined, left: WorkerClean): string[] {
  const lines: string[] = [];
  if (stopped) {
    const parts = stopped.parts.map(({ part }) => part).join(", ") || "nothing yet";
    lines.push(`Stopped process ${stopped.pid} and what it had started: ${parts}.${stopped.wasKilled ? " It did not end by itself and was killed." : ""}`);
  }
  if (left.sandboxes > 0) lines.push(`Ended ${plural(left.sandboxes, "sandbox", "sandboxes")} of a worker that was killed.`);
  if (left.containers.length > 0)
    lines.push(`Removed ${plural(left.containers.length, "container")}: ${left.containers.map((id) => id.slice(0, 12)).join(", ")}.`);
  for (const mount of left.mounts) lines.push(`Unmounted ${mount}.`);
  if (left.attempts > 0) lines.push(`${plural(left.attempts, "job")} will be tried again when a worker is there.`);
  return lines;
}
