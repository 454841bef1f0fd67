import { gatewayHealth } from "@slipway/process/gateway-health";
import type { DaySpending } from "@slipway/protocol/budget";
import { toSlipwayError } from "@slipway/protocol/errors";
import { connect } from "../connection.ts";
import { checkGateway } from "../models/ask-gateway.ts";
import { gatewayConfigFile } from "../models/gateway-config.ts";
import { answerText, hasKey, isUsable, keyText, type ProviderCheck, remedyOf } from "../models/provider-text.ts";
import { gatewaySocket } from "../stack/data-folder.ts";
import { readServerFile } from "../stack/server-file.ts";
import { dayText } from "../terminal/usage-text.ts";
import { type Check, check, type DoctorOptions } from "./check.ts";

const GROUP = "gateway";

/** The way to the models: configuration, keys, providers, and the gateway of the stack that runs. Only a wrong configuration is required to be mended: agents may do without a model. */
export async function checkModels(options: DoctorOptions): Promise<Check[]> {
  const [found, running] = await Promise.all([checkGateway(options.data), checkProcess(options)]);
  if (typeof found === "string") {
    const remedy = "Run npm ci in Slipway's checkout.";
    return [check(GROUP, "check", false, { tried: "gateway check", found, lost: "no agent reaches a model", remedy, required: true }), ...running];
  }
  const { configFile, problem, providers } = found;
  const config = check(GROUP, "configuration", problem === null, {
    tried: configFile ?? gatewayConfigFile(options.data),
    found: problem?.message ?? (configFile === null ? "not there: the defaults hold" : "sound"),
    lost: "`slipway up` does not start",
    remedy: problem?.hint ?? "",
    required: true,
  });
  return [config, ...providers.map(checkProvider), ...running, ...(await checkDay(options))];
}

/** What the installation's day took so far. Nothing where no server says it, which has a check of its own. */
async function checkDay({ data }: DoctorOptions): Promise<Check[]> {
  let spending: DaySpending;
  try {
    const { client } = await connect({ data: process.env["SLIPWAY_URL"] ? undefined : data });
    spending = await client.call("daySpending", { signal: AbortSignal.timeout(5_000) });
  } catch (error) {
    if (["SERVER_UNAVAILABLE", "UNAUTHENTICATED", "FORBIDDEN"].includes(toSlipwayError(error).code)) return [];
    throw error;
  }
  const { budget, tokens, usd, resetsAt } = spending;
  const isLeft = tokens < (budget.tokens ?? Number.POSITIVE_INFINITY) && usd < (budget.usd ?? Number.POSITIVE_INFINITY);
  return [
    check(GROUP, "spent today", isLeft, {
      tried: "GET /v1/spending/today",
      found: dayText(spending),
      lost: `jobs that need a model wait until ${new Date(resetsAt).toISOString()}`,
      remedy: "Raise `server.dayBudget` in slipway.yaml and restart `slipway up`, or wait.",
    }),
  ];
}

function checkProvider(provider: ProviderCheck): Check {
  return check(GROUP, provider.provider, isUsable(provider), {
    tried: hasKey(provider)
      ? `the list of models at ${provider.baseUrl}`
      : [provider.keyFile, `the environment variable ${provider.keyName}`].filter(Boolean).join(", "),
    found: provider.answer ? `${keyText(provider)}; ${answerText(provider)}` : keyText(provider),
    lost: `jobs whose agent asks ${provider.provider} cannot go on`,
    remedy: remedyOf(provider),
  });
}

/** Nothing where no server runs here, which has a check of its own. */
async function checkProcess({ data }: DoctorOptions): Promise<Check[]> {
  if (process.env["SLIPWAY_URL"] || !(await readServerFile(data))) return [];
  const socket = gatewaySocket(data);
  const { ok, found } = await gatewayHealth(socket);
  return [
    check(GROUP, "process", ok, {
      tried: `GET /slipway/health on ${socket}`,
      found,
      lost: "jobs that need a model end with GATEWAY_UNAVAILABLE",
      remedy: `See ${data}/logs/gateway.log, then stop \`slipway up\` and start it again.`,
    }),
  ];
}
