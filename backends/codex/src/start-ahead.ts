import type { AheadContext } from "@slipway/backend-sdk/backend";
import { CodexServer, residents } from "./app-server/codex-server.ts";
import { codexHomeIn, launchOf } from "./app-server/launch.ts";
import { prepareCodexHome } from "./codex-home.ts";
import type { CodexConfig } from "./config.ts";
import { findCodex } from "./executable.ts";

/** Starts Codex and says hello, for the turn that will come. Whatever the settings of its job: they come with the thread. */
export async function startAhead({ config, home, env, signal }: AheadContext<CodexConfig>): Promise<void> {
  const program = await findCodex(config.command, env["PATH"]);
  // Whether it is there is the probe's to say.
  if (program === undefined) return;
  const launch = await launchOf(program, home, env);
  await prepareCodexHome(codexHomeIn(home));
  signal.throwIfAborted();
  const server = new CodexServer(launch);
  // Before it has answered: a turn that comes meanwhile takes it as far as it is.
  await residents.keepAhead(server);
  const aborted = Promise.withResolvers<undefined>();
  signal.addEventListener("abort", () => aborted.resolve(undefined), { once: true });
  if (signal.aborted) aborted.resolve(undefined);
  const greeted = await Promise.race([server.greet(), aborted.promise]);
  if (greeted === undefined || greeted.kind === "answer") return;
  const why = greeted.kind === "gone" ? `it ended with ${greeted.end.exitCode ?? greeted.end.exitSignal}` : greeted.message;
  throw new Error(`Codex could not be started ahead: ${why}: ${server.stderrTail.slice(-300)}`);
}
