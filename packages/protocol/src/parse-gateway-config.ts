import { GATEWAY_CONFIG_FILE, type GatewayConfig, gatewayConfigSchema } from "./gateway-config.ts";
import { parseYamlConfig } from "./parse-yaml-config.ts";

/** The text of a `gateway.yaml` as a checked configuration with its defaults. INVALID_CONFIG, as `parseYamlConfig` tells it. */
export function parseGatewayConfig(text: string, file: string = GATEWAY_CONFIG_FILE): GatewayConfig {
  const hint = (problems: number): string => `Mend ${problems === 1 ? "it" : "them"}: a running gateway reads the file again by itself.`;
  return parseYamlConfig({ text, file, schema: gatewayConfigSchema, hint });
}
