import { extraCaCerts, trustCertificates } from "@slipway/process/trust";
import { SlipwayError, toSlipwayError } from "@slipway/protocol/errors";
import closeWithGrace from "close-with-grace";
import { destination, type Logger, pino } from "pino";
import { readOptions, type ServeOptions } from "./options.ts";

/** Time to end in after a signal, in ms. */
const CLOSE_LIMIT_MS = 5_000;

const log = pino({ name: "gateway", level: process.env["SLIPWAY_LOG_LEVEL"] ?? "info" }, destination(2));

await main().catch((error: unknown) => {
  const { code, message, hint } = toSlipwayError(error);
  log.fatal({ code, hint, err: error }, message);
  process.exitCode = code === "INVALID_REQUEST" ? 2 : 1;
  // The parent's channel would keep the process.
  if (process.connected) process.disconnect();
});

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2));
  if (options.command === "serve") return await serveUntilStopped(options, log);
  const { check } = await import("./check.ts");
  process.stdout.write(`${JSON.stringify(await check(options.data))}\n`);
}

/** Runs until a signal, the end of the parent's channel, or an error that no further try can mend. */
async function serveUntilStopped(options: ServeOptions, log: Logger): Promise<void> {
  const [{ serve }, { openStateFolder }] = await Promise.all([import("./gateway.ts"), import("./state-folder.ts")]);
  const certificates = extraCaCerts(process.env);
  if (certificates !== undefined) await trustCertificates(certificates);
  using state = await openStateFolder(options.data);
  const stop = new AbortController();
  const running = serve(options, state, log, stop.signal);
  const grace = closeWithGrace({ delay: CLOSE_LIMIT_MS, logger: false }, async ({ err }) => {
    if (err) log.fatal({ err }, "unexpected error");
    stop.abort(new SlipwayError("WORKER_STOPPED", "The gateway was stopped."));
    await running.catch(() => undefined); // told by main
  });
  const disconnected = (): void => grace.close();
  process.once("disconnect", disconnected);
  try {
    await running;
  } finally {
    process.off("disconnect", disconnected);
    if (!stop.signal.aborted) grace.uninstall();
  }
}
