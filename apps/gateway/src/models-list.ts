import type { GatewayConfig, Provider } from "@slipway/protocol/gateway-config";
import { fitsPattern } from "./name-pattern.ts";
import { LIST_PRICES } from "./price-table.ts";
import { PROTOCOLS } from "./protocols/protocols.ts";

/** The models that agents may ask a provider for, as far as they have names here, in the shape of the vendor's list. */
export function modelsList(providerName: string, provider: Provider, prices: GatewayConfig["prices"]): object {
  const { models } = PROTOCOLS[provider.protocol];
  const listed = models.host.test(new URL(provider.baseUrl).hostname) ? Object.keys(LIST_PRICES).filter((name) => models.listed.test(name)) : [];
  const known = [...provider.models, ...Object.keys(prices), ...listed].filter((name) => !name.includes("*"));
  const allowed = [...new Set(known)].filter((name) => provider.models.some((pattern) => fitsPattern(name, pattern)));
  return models.list(allowed.sort(), providerName);
}
