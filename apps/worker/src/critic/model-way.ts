import { CRITIC_KIND_OF_PROVIDER, type CriticModel, type CriticModelKind } from "@slipway/protocol/critic";
import { gatewayFetch } from "./gateway-fetch.ts";

/** The way to the models: the gateway's socket, and the attempt's token. */
export interface ModelWay {
  readonly socket: string;
  readonly token: string;
}

const LOOK_LIMIT_MS = 5_000;

/** What is spoken to a model. */
export function kindOf({ kind, provider }: CriticModel): CriticModelKind {
  return kind ?? CRITIC_KIND_OF_PROVIDER[provider] ?? "openai-compatible";
}

/** The address before a client's own paths. Its host is nobody's: the socket leads to the gateway alone. */
export function gatewayBase(model: CriticModel): string {
  return `http://gateway/${model.provider}/${kindOf(model) === "google" ? "v1beta" : "v1"}`;
}

/** What the gateway says where it has no such provider, or speaks something else with it; undefined where it has, and where it is not there just now. */
export async function gatewayRefusal(model: CriticModel, { socket, token }: ModelWay, signal: AbortSignal): Promise<string | undefined> {
  const asked = { headers: { authorization: `Bearer ${token}` }, signal: AbortSignal.any([signal, AbortSignal.timeout(LOOK_LIMIT_MS)]) };
  try {
    const answer = await gatewayFetch(socket)(`${gatewayBase(model)}/models`, asked);
    const text = await answer.text();
    if (answer.status !== 404) return undefined;
    return (JSON.parse(text) as { error?: { message?: string } }).error?.message ?? `${model.provider}: not found`;
  } catch {
    signal.throwIfAborted();
    // Whether it answers is found out when it is needed, and waited for then.
    return undefined;
  }
}
