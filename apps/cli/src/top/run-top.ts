import type { Client } from "@slipway/protocol/client";
import { Interrupts } from "../follow/interrupts.ts";
import type { Colors } from "../terminal/screen.ts";
import { TopFeed } from "./top-feed.ts";

export interface TopOptions {
  readonly client: Client;
  readonly colors: Colors;
  readonly openPage: (job: number) => Promise<string>;
}

/**
 * Shows the screen until somebody leaves it; answers how. The terminal is as it was afterwards, whatever ends it: a key, Ctrl-C, a signal, an error of
 * the server's or one of ours.
 */
export async function runTop({ client, colors, openPage }: TopOptions): Promise<"key" | "interrupt"> {
  // Made for development, React keeps a measurement of every drawing, for ever; it looks here when it is loaded.
  process.env["NODE_ENV"] ??= "production";
  const [{ render }, { createElement }, { TopApp }] = await Promise.all([import("ink"), import("react"), import("./top-app.ts")]);
  const feed = new TopFeed(client);
  const { promise, resolve, reject } = Promise.withResolvers<"key" | "interrupt">();
  const controller = new AbortController();
  using _ = new Interrupts(() => resolve("interrupt"));
  const { unmount, waitUntilExit } = render(createElement(TopApp, { client, feed, colors, openPage, onQuit: resolve }), {
    ...{ alternateScreen: true, exitOnCtrlC: false, patchConsole: false, incrementalRendering: true },
    // By itself it draws nothing live where a variable says that this is a CI's machine.
    interactive: true,
  });
  // What Node then prints of the error is to stand on the screen that stays.
  const restore = (): void => unmount();
  process.on("uncaughtExceptionMonitor", restore);
  // It ends by itself only where drawing fails.
  waitUntilExit().catch(reject);
  feed.run(controller.signal).catch(reject);
  try {
    return await promise;
  } finally {
    controller.abort();
    unmount();
    process.off("uncaughtExceptionMonitor", restore);
  }
}
