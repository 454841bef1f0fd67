import { createAnthropic } from "@ai-sdk/anthropic";
import { createGoogle } from "@ai-sdk/google";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { CRITIC_KIND_OF_PROVIDER, type CriticModel, type CriticModelKind } from "@slipway/protocol/critic";
import { generateText, type LanguageModel } from "ai";
import { Agent, fetch as fetchWith } from "undici";

/** The way to the models: the gateway's socket, and the attempt's token. */
export interface ModelWay {
  readonly socket: string;
  readonly token: string;
}

type Fetch = typeof globalThis.fetch;

/** Nobody reads a console of the worker; what fails is thrown. */
(globalThis as { AI_SDK_LOG_WARNINGS?: boolean }).AI_SDK_LOG_WARNINGS = false;

/** Asks a model once, over the gateway, as any agent's request is. Throws what the AI SDK throws, or the signal's reason. */
export async function askModel(model: CriticModel, way: ModelWay, prompt: string, signal: AbortSignal): Promise<string> {
  // How long an answer may take is the signal's to say.
  const dispatcher = new Agent({ connect: { socketPath: way.socket }, headersTimeout: 0, bodyTimeout: 0 });
  try {
    const overSocket = ((input: string, init: object) => fetchWith(input, { ...init, dispatcher })) as unknown as Fetch;
    const asked = { model: modelOf(model, way.token, overSocket), prompt, maxOutputTokens: model.maxOutputTokens, maxRetries: 0, abortSignal: signal };
    return (await generateText(asked)).text;
  } finally {
    await dispatcher.destroy();
  }
}

/** What is spoken to a provider. */
function kindOf({ kind, provider }: CriticModel): CriticModelKind {
  return kind ?? CRITIC_KIND_OF_PROVIDER[provider] ?? "openai-compatible";
}

function modelOf(model: CriticModel, token: string, fetch: Fetch): LanguageModel {
  // The name is nobody's: the socket leads to the gateway alone.
  const baseURL = `http://gateway/${model.provider}/${kindOf(model) === "google" ? "v1beta" : "v1"}`;
  switch (kindOf(model)) {
    case "openai":
      return createOpenAI({ baseURL, apiKey: token, fetch }).responses(model.name);
    case "anthropic":
      return createAnthropic({ baseURL, apiKey: token, fetch })(model.name);
    case "google":
      return createGoogle({ baseURL, apiKey: token, fetch })(model.name);
    case "openai-compatible":
      return createOpenAICompatible({ name: model.provider, baseURL, apiKey: token, fetch }).chatModel(model.name);
  }
}
