import { parseArgs } from "node:util";
import { extraCaCerts } from "@slipway/process/trust";
import { type DayBudget, dayBudgetSchema } from "@slipway/protocol/budget";
import { type ValueOrigin, valueOriginSchema } from "@slipway/protocol/effective-config";
import { SlipwayError, toSlipwayError } from "@slipway/protocol/errors";
import { forgesSchema, hostCredentialsSchema } from "@slipway/protocol/forge-settings";
import { type JobDefaults, jobDefaultsSchema } from "@slipway/protocol/installation-config";
import { type NotificationTarget, notificationTargetsSchema } from "@slipway/protocol/notifications";
import closeWithGrace from "close-with-grace";
import pino from "pino";
import { z } from "zod";
import { defaultDataFolder } from "./default-data-folder.ts";
import { RETENTION_MS, type ServerOptions, startServer } from "./server.ts";
import { CIRCUIT_LIMITS, type CircuitLimits } from "./store/circuit-limits.ts";

/** Time that a graceful close may take, in ms. */
const CLOSE_LIMIT_MS = 5_000;
const DAY_MS = 86_400_000;

/** The flags and variables by which a server that is started by hand is told its values. */
const SOURCES: ReadonlyArray<readonly [key: string, flag: string | null, variable: string | null]> = [
  ["logLevel", null, "SLIPWAY_LOG_LEVEL"],
  ["server.port", "port", null],
  ["server.host", "host", null],
  ["server.allowRemote", "allow-remote", null],
  ["server.allowedOrigins", "allowed-origin", null],
  ["server.retentionDays", "retention-days", "SLIPWAY_RETENTION_DAYS"],
  ["server.dayBudget.tokens", "day-budget-tokens", "SLIPWAY_DAY_BUDGET_TOKENS"],
  ["server.dayBudget.usd", "day-budget-usd", "SLIPWAY_DAY_BUDGET_USD"],
  ["server.forges", "forges", null],
  ["server.pullRequestPollSeconds", "pull-request-poll", null],
  ["server.circuitFaults", "circuit-faults", "SLIPWAY_CIRCUIT_FAULTS"],
  ["server.circuitCoolDownSeconds", "circuit-cool-down", "SLIPWAY_CIRCUIT_COOL_DOWN"],
  ["extraCaCerts", null, "SLIPWAY_EXTRA_CA_CERTS"],
];

const log = pino({ level: process.env["SLIPWAY_LOG_LEVEL"] ?? "info", name: "server" }, pino.destination({ dest: 2, sync: true }));

// Whatever is made here, by whichever library: the owner's alone.
process.umask(0o077);

try {
  const server = await startServer(readArguments());
  const grace = closeWithGrace({ delay: CLOSE_LIMIT_MS, logger: { error: (error: unknown) => log.error({ err: error }, "close") } }, async ({ err }) => {
    if (err) log.fatal({ err }, "the server ends on an unexpected error");
    await server.close();
  });
  // Whoever started us with a channel is gone when it breaks: we end with them.
  process.once("disconnect", () => grace.close());
  process.send?.({ type: "ready", url: server.url });
  log.info({ url: server.url, dataFolder: server.plane.folder.root, pid: process.pid }, "the server listens");
} catch (error) {
  const { code, message, hint, details } = toSlipwayError(error);
  log.fatal({ err: error instanceof SlipwayError ? undefined : error, code, hint, details }, message);
  process.exitCode = 1;
  if (process.connected) process.disconnect();
}

function readArguments(): ServerOptions {
  const { values, tokens } = parseArgs({
    options: {
      data: { type: "string", default: defaultDataFolder() },
      host: { type: "string", default: "127.0.0.1" },
      port: { type: "string", default: "0" },
      "allow-remote": { type: "boolean", default: false },
      announce: { type: "string" },
      "allowed-origin": { type: "string", multiple: true, default: [] },
      "retention-days": { type: "string", default: process.env["SLIPWAY_RETENTION_DAYS"] ?? String(RETENTION_MS / DAY_MS) },
      "day-budget-tokens": { type: "string", default: process.env["SLIPWAY_DAY_BUDGET_TOKENS"] },
      "day-budget-usd": { type: "string", default: process.env["SLIPWAY_DAY_BUDGET_USD"] },
      "circuit-faults": { type: "string", default: process.env["SLIPWAY_CIRCUIT_FAULTS"] ?? String(CIRCUIT_LIMITS.faults) },
      "circuit-cool-down": { type: "string", default: process.env["SLIPWAY_CIRCUIT_COOL_DOWN"] ?? String(CIRCUIT_LIMITS.coolDownMs / 1_000) },
      forges: { type: "string", default: "{}" },
      credentials: { type: "string", default: "{}" },
      "pull-request-poll": { type: "string", default: "60" },
      "job-defaults": { type: "string", default: "{}" },
      "value-origins": { type: "string" },
      "public-url": { type: "string" },
      notifications: { type: "string", default: "[]" },
    },
    tokens: true,
  });
  const days = Number(values["retention-days"]);
  if (!(days >= 0.01 && days <= 100_000)) {
    throw new SlipwayError("INVALID_REQUEST", `--retention-days: ${values["retention-days"]} is not a time that jobs can be kept.`, {
      field: "retention-days",
      value: values["retention-days"],
      expected: "a number of days from 0.01 to 100000",
    });
  }
  const port = Number(values.port);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new SlipwayError("INVALID_REQUEST", `--port: ${values.port} is not a port.`, {
      field: "port",
      value: values.port,
      expected: "a number from 0 to 65535",
    });
  }
  const { data, host, announce, "allow-remote": allowRemote, "allowed-origin": allowedOrigins } = values;
  if (announce !== undefined && !URL.canParse(announce)) {
    throw new SlipwayError("INVALID_REQUEST", `--announce: ${announce} is no address.`, {
      field: "announce",
      value: announce,
      expected: "an address such as http://127.0.0.1:4750",
    });
  }
  return {
    data,
    host,
    ...(announce === undefined ? {} : { announce }),
    port,
    allowRemote,
    allowedOrigins,
    retentionMs: days * DAY_MS,
    dayBudget: readDayBudget(values),
    circuitLimits: readCircuitLimits(values["circuit-faults"], values["circuit-cool-down"]),
    forges: readHosts("forges", values.forges, forgesSchema),
    hostCredentials: readHosts("credentials", values.credentials, hostCredentialsSchema),
    pullRequestPollMs: readPoll(values["pull-request-poll"]),
    jobDefaults: readJobDefaults(values["job-defaults"]),
    notifications: readNotifications(values.notifications),
    ...(values["public-url"] === undefined ? {} : { publicUrl: readPublicUrl(values["public-url"]) }),
    extraCaCerts: extraCaCerts(process.env),
    origins: readOrigins(values["value-origins"], new Set(tokens.flatMap((token) => (token.kind === "option" ? [token.name] : [])))),
    log,
  };
}

/** A limit that is not given, or empty, is none. */
function readDayBudget(values: { readonly "day-budget-tokens"?: string | undefined; readonly "day-budget-usd"?: string | undefined }): DayBudget {
  const limits = { tokens: values["day-budget-tokens"], usd: values["day-budget-usd"] };
  const given = Object.entries(limits).filter(([, text]) => text !== undefined && text !== "");
  const parsed = dayBudgetSchema.safeParse(Object.fromEntries(given.map(([unit, text]) => [unit, Number(text)])));
  if (parsed.success) return parsed.data;
  const unit = parsed.error.issues[0]?.path[0] === "usd" ? "usd" : "tokens";
  throw new SlipwayError("INVALID_REQUEST", `--day-budget-${unit}: ${limits[unit]} is no amount that a day may have.`, {
    field: `day-budget-${unit}`,
    value: limits[unit],
    expected: unit === "usd" ? "US dollars above 0 such as 25 or 2.50" : "a whole number of tokens above 0 such as 20000000",
  });
}

function readCircuitLimits(faults: string, seconds: string): CircuitLimits {
  const limits = { ...CIRCUIT_LIMITS, faults: Number(faults), coolDownMs: Math.round(Number(seconds) * 1_000) };
  if (!(Number.isInteger(limits.faults) && limits.faults >= 0 && limits.faults <= 1_000)) {
    throw new SlipwayError("INVALID_REQUEST", `--circuit-faults: ${faults} is not a number of failures.`, {
      field: "circuit-faults",
      value: faults,
      expected: "a whole number from 0 to 1000",
    });
  }
  if (limits.coolDownMs >= 1 && limits.coolDownMs <= 86_400_000) return limits;
  throw new SlipwayError("INVALID_REQUEST", `--circuit-cool-down: ${seconds} is not a time in seconds.`, {
    field: "circuit-cool-down",
    value: seconds,
    expected: "a number from 0.001 to 86400",
  });
}

/**
 * The `jobs` of slipway.yaml, as JSON. The command line reads that file, with what overrides it, once for all parts: a server that read it too could see
 * another one than they did.
 */
function readJobDefaults(text: string): JobDefaults {
  const parsed = jobDefaultsSchema.safeParse(jsonOrNothing(text));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new SlipwayError("INVALID_REQUEST", `--job-defaults: ${[issue?.path.join("."), issue?.message].filter(Boolean).join(": ")}.`, {
    field: "job-defaults",
    value: text,
    expected: "JSON with the keys of `jobs` in slipway.yaml",
  });
}

/** The `server.forges` or `server.credentials` of slipway.yaml, as JSON: names of secrets, and never a secret. */
function readHosts<T>(flag: "forges" | "credentials", text: string, schema: z.ZodType<T>): T {
  const parsed = schema.safeParse(jsonOrNothing(text));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new SlipwayError("INVALID_REQUEST", `--${flag}: ${[issue?.path.join("."), issue?.message].filter(Boolean).join(": ")}.`, {
    field: flag,
    value: text,
    expected: `JSON with the form of \`server.${flag}\` in slipway.yaml`,
  });
}

/** What `slipway up` says of where its flags come from, as JSON: it passes all of them, whatever set them. Without it the flags and variables themselves. */
function readOrigins(text: string | undefined, given: ReadonlySet<string>): ValueOrigin[] {
  if (text === undefined) {
    return SOURCES.flatMap(([key, flag, variable]) => {
      if (flag !== null && given.has(flag)) return [{ key, from: `--${flag}` }];
      return variable !== null && process.env[variable] ? [{ key, from: variable }] : [];
    });
  }
  const parsed = z.array(valueOriginSchema).safeParse(jsonOrNothing(text));
  if (parsed.success) return parsed.data;
  throw new SlipwayError("INVALID_REQUEST", "--value-origins: expected a JSON list of keys and where they come from.", {
    field: "value-origins",
    value: text,
    expected: 'JSON such as [{"key":"server.port","from":"SLIPWAY_PORT"}]',
  });
}

/** The `notifications` of slipway.yaml, as JSON: names of secrets, and never a secret. */
function readNotifications(text: string): NotificationTarget[] {
  const parsed = notificationTargetsSchema.safeParse(jsonOrNothing(text));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new SlipwayError("INVALID_REQUEST", `--notifications: ${[issue?.path.join("."), issue?.message].filter(Boolean).join(": ")}.`, {
    field: "notifications",
    expected: "JSON with the form of `notifications` in slipway.yaml",
  });
}

function readPublicUrl(text: string): string {
  if (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) return text;
  throw new SlipwayError("INVALID_REQUEST", `--public-url: ${text} is no address.`, {
    field: "public-url",
    value: text,
    expected: "an address such as https://slipway.example.org",
  });
}

function readPoll(text: string): number {
  const seconds = Number(text);
  if (seconds >= 1 && seconds <= 86_400) return Math.round(seconds * 1_000);
  throw new SlipwayError("INVALID_REQUEST", `--pull-request-poll: ${text} is not a time in seconds.`, {
    field: "pull-request-poll",
    value: text,
    expected: "a number from 1 to 86400",
  });
}

function jsonOrNothing(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // The caller names the flag and what it holds.
  }
}
