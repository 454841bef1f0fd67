import { LEASE_TTL_MS } from "@slipway/protocol/worker-api";
import { readServerFile } from "../stack/server-file.ts";
import { duration } from "../terminal/text.ts";
import { type Check, check, type DoctorOptions } from "./check.ts";

const LIMIT_MS = 5_000;
/** A `Date:` header counts whole seconds (RFC 9110, section 5.6.7). */
const HEADER_STEP_MS = 1_000;
/** Leases run by the server's clock alone; clocks that are apart by a whole one are told of. */
const SKEW_LIMIT_MS = LEASE_TTL_MS;

/** The server's clock against this machine's. */
export async function checkClock({ data }: DoctorOptions): Promise<Check[]> {
  const url = process.env["SLIPWAY_URL"] ?? (await readServerFile(data))?.url;
  if (url === undefined) {
    return [check("clock", "skew", true, { tried: "the time of the server", found: "no server runs, so there is one clock only", lost: "", remedy: "" })];
  }
  const tried = `the Date header of GET ${url}/v1/health`;
  const skewMs = await skewOf(url).catch((error: unknown) => (error instanceof Error ? error.message : String(error)));
  if (typeof skewMs === "string") {
    return [check("clock", "skew", false, { tried, found: `not known: ${skewMs}`, lost: "times of another machine cannot be trusted", remedy: "slipway up" })];
  }
  return [checkSkew(skewMs, tried)];
}

/** How far the server's clock is ahead of this one, in ms; less than 0 where it is behind. */
async function skewOf(url: string): Promise<number> {
  const sentAt = Date.now();
  const response = await fetch(`${url.replace(/\/+$/, "")}/v1/health`, { signal: AbortSignal.timeout(LIMIT_MS) });
  const gotAt = Date.now();
  await response.body?.cancel();
  const at = Date.parse(response.headers.get("date") ?? "");
  if (!Number.isFinite(at)) throw new TypeError("the answer has no Date header");
  return at + HEADER_STEP_MS / 2 - (sentAt + gotAt) / 2;
}

/** The check from what was measured. */
export function checkSkew(skewMs: number, tried: string): Check {
  const apart = Math.abs(skewMs);
  const isClose = apart <= HEADER_STEP_MS;
  return check("clock", "skew", apart <= SKEW_LIMIT_MS, {
    tried,
    found: isClose ? "within a second of the server's" : `${duration(apart)} ${skewMs > 0 ? "behind" : "ahead of"} the server's`,
    lost: `what this machine shows of deadlines, leases (${duration(LEASE_TTL_MS)}) and \`--after\` is wrong by as much; a lost lease cannot be told from one that still runs`,
    remedy: "Let both machines keep their time (systemd: timedatectl set-ntp true), then `slipway doctor` again.",
  });
}
