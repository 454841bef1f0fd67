import { parse } from "yaml";
import { GATEWAY_CONFIG_FILE, type GatewayConfig, gatewayConfigSchema } from "./gateway-config.ts";

/** The text of a `gateway.yaml` as a checked configuration with its defaults; an empty file is one with nothing but defaults. INVALID_CONFIG. */
export function parseGatewayConfig(text: string, _file: string = GATEWAY_CONFIG_FILE): GatewayConfig {
  return gatewayConfigSchema.parse(parse(text) ?? {});
}
