import type { GatewayCheck } from "@slipway/protocol/gateway-config";
import { howToGiveKey } from "./keys.ts";

export type ProviderCheck = GatewayCheck["providers"][number];

/** Whether jobs can use the provider. */
export function isUsable(provider: ProviderCheck): boolean {
  return hasKey(provider) && provider.answer?.ok === true;
}

/** Whether a key is there that the gateway takes, or none is needed: only then the provider was asked. */
export function hasKey({ keyName, keyFrom }: ProviderCheck): boolean {
  return keyName === null || keyFrom !== null;
}

/** Such as `OPENAI_API_KEY from the environment`, `no OPENAI_API_KEY`, `none needed`. */
export function keyText({ keyName, keyFrom, answer }: ProviderCheck): string {
  if (keyName === null) return "none needed";
  // Where it is there all the same, the answer says why the gateway does not take it.
  if (keyFrom === null) return answer === null ? `no ${keyName}` : `${keyName} unfit`;
  return `${keyName} from ${keyFrom === "environment" ? "the environment" : keyFrom}`;
}

export function answerText({ answer }: ProviderCheck): string {
  return answer === null ? "not asked" : answer.found;
}

/** What to type, or to look at, where jobs cannot use the provider. */
export function remedyOf(provider: ProviderCheck): string {
  const { keyName, keyFrom, keyFile, answer, baseUrl } = provider;
  if (keyName !== null && keyFrom === null && answer !== null) return `Mend ${keyFile ?? keyName} as told, then \`slipway doctor\` again.`;
  if (keyName !== null && keyFrom === null && keyFile !== null) return howToGiveKey(keyFile);
  if (keyName !== null && /^40[13]\b/.test(answer?.found ?? "")) {
    return keyFile === null || keyFrom === "environment" ? `Check the key in ${keyName}, and start \`slipway up\` again.` : howToGiveKey(keyFile);
  }
  return `Check the network and the provider's address ${baseUrl} (baseUrl in gateway.yaml), then \`slipway doctor\` again.`;
}

/** Of providers that lack their key alike: who they are, and what to type, with NAME in the place of the key's name. `remedy` is the first one's. */
export function withoutKey(providers: ReadonlyArray<{ readonly provider: string; readonly keyName: string }>, remedy: string): [found: string, remedy: string] {
  const found = `none for ${providers.map(({ provider, keyName }) => `${provider} (${keyName})`).join(", ")}`;
  return [found, remedy.replaceAll(providers[0]?.keyName ?? "", "NAME")];
}
