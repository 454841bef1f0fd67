import type { Provider } from "@slipway/protocol/gateway-config";
import { anthropic } from "./anthropic.ts";
import { gemini } from "./gemini.ts";
import { openAi } from "./openai.ts";
import type { VendorProtocol } from "./protocol.ts";

/** What the gateway speaks, by the `protocol` of a provider. */
export const PROTOCOLS: Readonly<Record<Provider["protocol"], VendorProtocol>> = { openai: openAi, anthropic, gemini };
