import type { Command } from "commander";
import { connect } from "../connection.ts";
import { plural } from "../terminal/text.ts";
import { type CommonOptions, screenOf, withCommon } from "./options.ts";

export function addBackendsReset(backends: Command): void {
  withCommon(backends.command("reset").argument("<name>", "the backend that works again"))
    .summary("give a backend jobs again that failed again and again")
    .description(
      "A backend that fails by its own fault several times in a row gets no jobs for a while, and then one to try it. This ends that at once, in every image and on every worker, such as when its key was mended.",
    )
    .action(resetCommand);
}

async function resetCommand(name: string, options: CommonOptions): Promise<void> {
  const screen = screenOf(options);
  const { client } = await connect({ data: options.data });
  const { closed } = await client.call("resetBackend", { params: { backend: name }, body: {} });
  screen.document({ backend: name, closed });
  screen.print(closed === 0 ? `${name} was not paused; what had failed before is forgotten` : `${name} gets jobs again (${plural(closed, "place")})`);
}
