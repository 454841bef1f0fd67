import { z } from "zod";
import { nameSchema } from "./scalars.ts";

/**
 * The gateway's configuration, `gateway.yaml` in the data folder (SLIPWAY_GATEWAY_CONFIG names another file). Without a file the defaults below hold. Keys
 * never stand here: a provider names its key, and the gateway alone reads it, from the file `secrets/gateway/<NAME>` in the data folder, else from the
 * environment variable of that name.
 */
export const GATEWAY_CONFIG_FILE = "gateway.yaml";

const secondsSchema = z.number().positive().max(86_400);
const dollarsSchema = z.number().nonnegative().max(1_000_000);
/** The name of a key: of its file, and of its environment variable. */
export const keyNameSchema = z.string().regex(/^[A-Z][A-Z0-9_]{0,63}$/, "expected capital letters, digits and _, at most 64");

/** A vendor, or a server of one's own, that model calls are forwarded to. */
export const providerSchema = z.strictObject({
  protocol: z
    .enum(["openai", "anthropic", "gemini"])
    .default("openai")
    .describe("What it speaks. openai: Responses and Chat Completions, as many other servers do too. anthropic: Messages. gemini: generateContent."),
  baseUrl: z
    .url({ protocol: /^https?$/ })
    .describe(
      "Address before `/responses`, `/chat/completions`, `/messages` or `/models/…`, such as https://api.openai.com/v1 or https://api.anthropic.com/v1.",
    ),
  key: keyNameSchema.nullable().default(null).describe("Name of its key; none where it takes requests without one, such as a server of your own."),
  moreKeys: z
    .array(keyNameSchema)
    .max(20)
    .default([])
    .describe("Further keys: one whose key before it was refused, has no quota left or is asked to slow down takes its place, in the middle of a job too."),
  keyConcurrency: z.int().positive().max(10_000).optional().describe("Calls that one key has at once, at most; further ones wait, up to a minute."),
  keyRequestsPerMinute: z.int().positive().max(1_000_000).optional().describe("Calls that begin with one key in a minute, at most; further ones wait."),
  models: z.array(z.string().min(1).max(200)).min(1).default(["*"]).describe("Models that may be asked for; `*` stands for any characters."),
  hostedTools: z
    .array(z.string().min(1).max(100))
    .default([])
    .describe("Tools run by the vendor that agents may use, such as web_search; others are taken out of requests. Each is a way out of the sandbox."),
  headersTimeoutSeconds: secondsSchema.default(180).describe("How long the vendor may take until its answer begins."),
  silenceTimeoutSeconds: secondsSchema.default(180).describe("How long the vendor may be silent inside an answer."),
});
export type Provider = z.infer<typeof providerSchema>;

/** US dollars for a million tokens. */
export const priceSchema = z.strictObject({
  input: dollarsSchema.describe("US dollars for a million tokens of input."),
  cachedInput: dollarsSchema.optional().describe("For input that the vendor had cached; the price of input where it is missing."),
  output: dollarsSchema.describe("US dollars for a million tokens of output."),
  maxOutputTokens: z.int().positive().max(10_000_000).optional().describe("What is reserved for an answer to a request that sets no limit itself."),
});
export type Price = z.infer<typeof priceSchema>;

/** The vendors that are there without a file. */
const DEFAULTS: Readonly<Record<string, z.input<typeof providerSchema>>> = {
  openai: { baseUrl: "https://api.openai.com/v1", key: "OPENAI_API_KEY" },
  anthropic: { protocol: "anthropic", baseUrl: "https://api.anthropic.com/v1", key: "ANTHROPIC_API_KEY" },
  gemini: { protocol: "gemini", baseUrl: "https://generativelanguage.googleapis.com/v1beta", key: "GEMINI_API_KEY" },
  moonshot: { baseUrl: "https://api.moonshot.ai/v1", key: "MOONSHOT_API_KEY" },
  dashscope: { baseUrl: "https://dashscope-intl.aliyuncs.com/compatible-mode/v1", key: "DASHSCOPE_API_KEY" },
  mistral: { baseUrl: "https://api.mistral.ai/v1", key: "MISTRAL_API_KEY" },
};

/** The whole file; what it leaves out has its default. */
export const gatewayConfigSchema = z.strictObject({
  version: z.literal(1).default(1).describe("Version of this form."),
  providers: z
    .record(nameSchema, providerSchema)
    .default(Object.fromEntries(Object.entries(DEFAULTS).map(([name, provider]) => [name, providerSchema.parse(provider)])))
    .describe("Vendors by the name that backends use; with this key the defaults are replaced."),
  prices: z
    .record(z.string().min(1).max(200), priceSchema)
    .default({})
    .describe("Prices by model; they win over the kept table. `*` stands for any characters."),
});
export type GatewayConfig = z.infer<typeof gatewayConfigSchema>;

/** The keys that the configuration names, each once. */
export function keyNames(config: GatewayConfig): string[] {
  return [...new Set(Object.values(config.providers).flatMap(({ key, moreKeys }) => [...(key === null ? [] : [key]), ...moreKeys]))];
}

/** What `gateway check` says of a provider. */
export const providerCheckSchema = z.object({
  provider: nameSchema,
  baseUrl: z.string(),
  /** Name of its key; null where it needs none. */
  keyName: z.string().nullable(),
  /** Where the key was found: a file's path, or `environment`; null where it is missing or not needed. */
  keyFrom: z.string().nullable(),
  /** Where the key's file would be; null where none is needed. */
  keyFile: z.string().nullable(),
  /** Whether its list of models could be read: `answers`, or what came instead. Null where it was not asked, as its key is missing. */
  answer: z.object({ ok: z.boolean(), found: z.string() }).nullable(),
});
/** What `gateway check` prints: the configuration's problem, or a row for each provider. */
export const gatewayCheckSchema = z.object({
  configFile: z.string().nullable(),
  problem: z.object({ code: z.string(), message: z.string(), hint: z.string() }).nullable(),
  providers: z.array(providerCheckSchema),
});
export type GatewayCheck = z.infer<typeof gatewayCheckSchema>;
