import { join, resolve } from "node:path";
import { GATEWAY_CONFIG_FILE, type GatewayConfig, gatewayConfigSchema, keyNames } from "@slipway/protocol/gateway-config";
import { configText } from "../configuration/config-file.ts";

/** Variables under which vendors' own tools look for keys: held back from all but the gateway, whether its configuration names them or not. */
const WELL_KNOWN_KEYS: readonly string[] = [
  "ANTHROPIC_API_KEY",
  "ANTHROPIC_AUTH_TOKEN",
  "AZURE_OPENAI_API_KEY",
  "CEREBRAS_API_KEY",
  "CLAUDE_CODE_OAUTH_TOKEN",
  "CODEX_API_KEY",
  "COHERE_API_KEY",
  "DASHSCOPE_API_KEY",
  "DEEPSEEK_API_KEY",
  "FIREWORKS_API_KEY",
  "GEMINI_API_KEY",
  "GOOGLE_API_KEY",
  "GOOGLE_GENERATIVE_AI_API_KEY",
  "GROQ_API_KEY",
  "KIMI_API_KEY",
  "MISTRAL_API_KEY",
  "MOONSHOT_API_KEY",
  "OPENAI_API_KEY",
  "OPENROUTER_API_KEY",
  "TOGETHER_API_KEY",
  "XAI_API_KEY",
  "ZAI_API_KEY",
];

/** The file that SLIPWAY_GATEWAY_CONFIG names, else the data folder's own. */
export function gatewayConfigFile(data: string): string {
  const named = process.env["SLIPWAY_GATEWAY_CONFIG"];
  return named ? resolve(named) : join(data, GATEWAY_CONFIG_FILE);
}

/** The gateway's configuration as it stands on disk. INVALID_CONFIG names file, line and column; also where a file that was named cannot be read. */
export async function readGatewayConfig(data: string): Promise<GatewayConfig> {
  const file = gatewayConfigFile(data);
  const text = await gatewayText(file);
  if (text === undefined) return gatewayConfigSchema.parse({});
  // Only who has such a file pays for a YAML parser.
  const { parseGatewayConfig } = await import("@slipway/protocol/parse-gateway-config");
  return parseGatewayConfig(text, file);
}

/** Names of the environment variables that are for the gateway alone. A configuration that is wrong is searched for what looks like the name of a key. */
export async function modelKeyNames(data: string): Promise<string[]> {
  return [...new Set([...WELL_KNOWN_KEYS, ...(await configuredKeyNames(data))])];
}

async function configuredKeyNames(data: string): Promise<string[]> {
  try {
    return keyNames(await readGatewayConfig(data));
  } catch {
    // Who needs the configuration is told what is wrong; here a key must not leak for it.
    const text = await gatewayText(gatewayConfigFile(data)).catch(() => undefined);
    return Array.from((text ?? "").matchAll(/\bkey["']?\s*:\s*["']?([A-Z][A-Z0-9_]*)/g), ([, name]) => name ?? "");
  }
}

/** Undefined where there is no file and none was named. */
async function gatewayText(file: string): Promise<string | undefined> {
  return await configText("The gateway's configuration", file, "SLIPWAY_GATEWAY_CONFIG");
}
