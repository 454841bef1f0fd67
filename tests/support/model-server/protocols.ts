import { anthropicMessages } from "./anthropic-messages.ts";
import { gemini } from "./gemini.ts";
import { openAiChat } from "./openai-chat.ts";
import { openAiResponses } from "./openai-responses.ts";
import type { ModelProtocol } from "./protocol.ts";

/** What the server speaks. Another protocol is a file and a word here. */
export const PROTOCOLS: readonly ModelProtocol[] = [openAiResponses, openAiChat, anthropicMessages, gemini];
