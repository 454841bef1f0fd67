import { allowedTools, isObject } from "./hosted-tools.ts";

/** What of a conversation matters to the gateway. */
export interface InputFacts {
  /** Images that the request holds itself, and the bytes that they take. */
  readonly images: number;
  readonly imageBytes: number;
  /** The first address that the vendor would fetch for the request, null without one. */
  readonly remoteUrl: string | null;
}

const URL_KEYS = ["image_url", "file_url", "video_url", "audio_url"] as const;

/** Looks at every object of a conversation; the text in it stays text. */
export function walkInput(input: unknown): InputFacts {
  let images = 0;
  let imageBytes = 0;
  let remoteUrl: string | null = null;
  const open: unknown[] = [input];
  while (open.length > 0) {
    const value = open.pop();
    if (typeof value !== "object" || value === null) continue;
    if (isObject(value)) {
      for (const key of URL_KEYS) {
        const found = value[key];
        const url = isObject(found) ? found["url"] : found;
        if (typeof url !== "string") continue;
        if (/^data:image\//i.test(url)) {
          images += 1;
          imageBytes += url.length;
        } else if (!/^\s*data:/i.test(url)) remoteUrl ??= url.slice(0, 200);
      }
    }
    for (const inner of Object.values(value)) if (typeof inner === "object" && inner !== null) open.push(inner);
  }
  return { images, imageBytes, remoteUrl };
}

/** The input of a Responses request with the denied tools taken out of its `additional_tools` items; the same array where there are none. */
export function withoutDeniedTools(input: readonly unknown[], hostedTools: readonly string[], removed: Set<string>): readonly unknown[] {
  let changed = false;
  const kept = input.flatMap((item) => {
    if (!isObject(item) || item["type"] !== "additional_tools" || !Array.isArray(item["tools"])) return [item];
    const tools = allowedTools(item["tools"], hostedTools, removed);
    if (tools === item["tools"]) return [item];
    changed = true;
    return tools.length === 0 ? [] : [{ ...item, tools }];
  });
  return changed ? kept : input;
}
