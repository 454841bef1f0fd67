import { z } from "zod";

/** Messages of `codex app-server`: JSON-RPC without its version, one a line; `codex app-server generate-ts` prints them all. */
export type ServerMessage =
  | { readonly kind: "answer"; readonly id: number; readonly result?: unknown }
  | { readonly kind: "refusal"; readonly id: number; readonly message: string }
  | { readonly kind: "request"; readonly id: string | number; readonly method: string; readonly params?: unknown }
  | { readonly kind: "notification"; readonly method: string; readonly params?: unknown };

const id = z.union([z.string(), z.number()]);
const requestSchema = z.object({ id, method: z.string(), params: z.unknown().optional() });
const notificationSchema = z.object({ method: z.string(), params: z.unknown().optional() });
const refusalSchema = z.object({ id: z.number(), error: z.object({ message: z.string().catch("it did not say why") }) });
const answerSchema = z.object({ id: z.number(), result: z.unknown().optional() });

/** A line as a message; undefined where it is none. */
export function parseServerMessage(line: string): ServerMessage | undefined {
  const raw = parseJson(line);
  if (typeof raw !== "object" || raw === null) return undefined;
  if ("method" in raw) {
    if ("id" in raw) return withKind("request", requestSchema.safeParse(raw).data);
    return withKind("notification", notificationSchema.safeParse(raw).data);
  }
  if ("error" in raw) {
    const { data } = refusalSchema.safeParse(raw);
    return data && { kind: "refusal", id: data.id, message: data.error.message };
  }
  return "result" in raw ? withKind("answer", answerSchema.safeParse(raw).data) : undefined;
}

function withKind<Kind extends string, Data extends object>(kind: Kind, data: Data | undefined): ({ readonly kind: Kind } & Data) | undefined {
  return data && { kind, ...data };
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
