import type { GatewayConfig, Provider } from "@slipway/protocol/gateway-config";
import { fitsPattern } from "./name-pattern.ts";
import { LIST_PRICES } from "./price-table.ts";

/** The models that agents may ask a provider for, as far as they have names here, in the shape of the vendor's list. */
export function modelsList(providerName: string, provider: Provider, prices: GatewayConfig["prices"]): { object: "list"; data: object[] } {
  const isOpenAi = new URL(provider.baseUrl).hostname.endsWith(".openai.com");
  const known = [...provider.models, ...Object.keys(prices), ...(isOpenAi ? Object.keys(LIST_PRICES) : [])].filter((name) => !name.includes("*"));
  const allowed = [...new Set(known)].filter((name) => provider.models.some((pattern) => fitsPattern(name, pattern)));
  return { object: "list", data: allowed.sort().map((id) => ({ id, object: "model", created: 0, owned_by: providerName })) };
}
