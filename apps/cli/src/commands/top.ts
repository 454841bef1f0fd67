import type { Command } from "commander";
import { connect } from "../connection.ts";
import { EXIT_CODES } from "../exit-codes.ts";
import { allStale, SnapshotReader } from "../top/snapshot.ts";
import { plainLines } from "../top/top-lines.ts";
import { type CommonOptions, exitWith, screenOf, withCommon } from "./options.ts";

export function addTop(program: Command): void {
  withCommon(program.command("top"))
    .summary("all jobs on a full screen, live: what needs you, runs, waits and lands")
    .description(
      "Shows the jobs of the running server on a full screen, live, until q. Keys: j k or the arrows choose, Enter opens, l log, c cancel, r retry, o page, / filter, ? all keys. Without a terminal it prints what there is once.",
    )
    .action(topCommand);
}

async function topCommand(options: CommonOptions): Promise<void> {
  const screen = screenOf(options);
  const { client } = await connect({ data: options.data });
  if (!screen.isLive) {
    const snapshot = await new SnapshotReader(client).read(allStale());
    screen.document(snapshot);
    if (screen.json) return;
    for (const line of plainLines(snapshot, { width: screen.width, colors: screen.colors, now: snapshot.at })) screen.print(line);
    return;
  }
  // What draws the screen is loaded for it alone: every other command is quick without.
  const { runTop } = await import("../top/run-top.ts");
  const { openJobPage } = await import("./open.ts");
  const how = await runTop({ client, colors: screen.colors, openPage: async (job) => await openJobPage(client, job) });
  if (how === "interrupt") exitWith(EXIT_CODES.interrupted.code);
}
