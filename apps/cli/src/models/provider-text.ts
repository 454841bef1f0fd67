import type { GatewayCheck } from "@slipway/protocol/gateway-config";
import { howToGiveKey } from "./keys.ts";

export type ProviderCheck = GatewayCheck["providers"][number];

/** Whether jobs can use the provider. */
export function isUsable({ keyName, keyFrom, answer }: ProviderCheck): boolean {
  return (keyName === null || keyFrom !== null) && answer?.ok === true;
}

/** Such as `OPENAI_API_KEY from the environment`, `no OPENAI_API_KEY`, `none needed`. */
export function keyText({ keyName, keyFrom }: ProviderCheck): string {
  if (keyName === null) return "none needed";
  if (keyFrom === null) return `no ${keyName}`;
  return `${keyName} from ${keyFrom === "environment" ? "the environment" : keyFrom}`;
}

export function answerText({ answer }: ProviderCheck): string {
  return answer === null ? "not asked" : answer.found;
}

/** What to type, or to look at, where jobs cannot use the provider. */
export function remedyOf(provider: ProviderCheck): string {
  const { keyName, keyFrom, keyFile, answer, baseUrl } = provider;
  if (keyName !== null && keyFrom === null && keyFile !== null) return howToGiveKey(keyFile);
  if (keyName !== null && /\b40[13]\b/.test(answer?.found ?? "")) {
    return keyFile === null || keyFrom === "environment" ? `Check the key in ${keyName}, and start \`slipway up\` again.` : howToGiveKey(keyFile);
  }
  return `Check the network and the provider's address ${baseUrl} (baseUrl in gateway.yaml), then \`slipway doctor\` again.`;
}
