import { join } from "node:path";
import { trustForGit } from "@slipway/git/environment";
import { StoreKeeper } from "@slipway/git/store-keeper";
import { BUNDLE_FILE, extraCaCerts, trustCertificates, writeCertificates } from "@slipway/process/trust";
import { Client } from "@slipway/protocol/client";
import { SlipwayError, toSlipwayError } from "@slipway/protocol/errors";
import closeWithGrace from "close-with-grace";
import { destination, pino } from "pino";
import { runClaimLoop } from "./claim-loop.ts";
import { type Options, readOptions } from "./options.ts";
import { openSigner } from "./signing.ts";
import { openStateFolder, type StateFolder } from "./state-folder.ts";

/** Time to end in after a signal, in ms; nothing waits for a verify job, so this is long. */
const CLOSE_LIMIT_MS = 5_000;

const log = pino({ name: "integrator", level: process.env["SLIPWAY_LOG_LEVEL"] ?? "info" }, destination(2));

await main().catch((error: unknown) => {
  const { code, message, hint } = toSlipwayError(error);
  log.fatal({ code, hint, err: error }, message);
  process.exitCode = code === "INVALID_REQUEST" ? 2 : 1;
  // The parent's channel would keep the process.
  if (process.connected) process.disconnect();
});

/** Runs until a signal, the end of the parent's channel, or an error that no further try can mend. What is at work stays claimed and is read again. */
async function main(): Promise<void> {
  const options = await readOptions(process.argv.slice(2));
  using state = await openStateFolder(options.data);
  await trustServer(state);
  const stop = new AbortController();
  const running = integrateUntil(options, state, stop.signal);
  const grace = closeWithGrace({ delay: CLOSE_LIMIT_MS, logger: false }, async ({ err }) => {
    if (err) log.fatal({ err }, "unexpected error");
    stop.abort(new SlipwayError("WORKER_STOPPED", "The integrator was stopped."));
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

/** The server may be behind a company's own certificates: both the calls and git. */
async function trustServer({ certificates }: StateFolder): Promise<void> {
  const file = extraCaCerts(process.env);
  if (file === undefined) return;
  await trustCertificates(file);
  trustForGit(join(await writeCertificates(file, certificates), BUNDLE_FILE));
}

async function integrateUntil(options: Options, state: StateFolder, stop: AbortSignal): Promise<void> {
  const onTrouble = (err: unknown, repoId: string): void => log.warn({ err, repoId }, "the git stores of a repository could not be cleaned; tried again later");
  const { data, signingKey: name, committer } = options;
  await using signing = name === undefined ? undefined : await openSigner({ data, name, committer, folder: state.root });
  await using stores = new StoreKeeper({ folder: state.repositories, onTrouble });
  await stores.removeLeftovers();
  log.info({ url: options.url, parallel: options.parallel, integratorId: state.integratorId }, "integrator up");
  process.send?.({ type: "ready" });
  await runClaimLoop({ client: new Client(options), state, stores, log, signer: signing?.signer }, options.parallel, stop);
}
