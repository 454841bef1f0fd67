import { createAnthropic } from "@ai-sdk/anthropic";
import { createGoogle } from "@ai-sdk/google";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import type { CriticModel } from "@slipway/protocol/critic";
import { generateText, type LanguageModel } from "ai";
import { gatewayFetch } from "./gateway-fetch.ts";
import { gatewayBase, kindOf, type ModelWay } from "./model-way.ts";

/** Nobody reads a console of the worker; what fails is thrown. */
(globalThis as { AI_SDK_LOG_WARNINGS?: boolean }).AI_SDK_LOG_WARNINGS = false;

/** Asks a model once, over the gateway, as any agent's request is. Throws what the AI SDK throws, or the signal's reason. */
export async function askModel(model: CriticModel, way: ModelWay, prompt: string, signal: AbortSignal): Promise<string> {
  const asked = { model: modelOf(model, way), prompt, maxOutputTokens: model.maxOutputTokens, maxRetries: 0, abortSignal: signal };
  return (await generateText(asked)).text;
}

function modelOf(model: CriticModel, { socket, token }: ModelWay): LanguageModel {
  const fetch = gatewayFetch(socket);
  const baseURL = gatewayBase(model);
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
