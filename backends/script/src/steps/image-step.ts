import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { StepContext, StepSummary } from "./step-context.ts";
import type { StepInput } from "./step-schemas.ts";

/** Tells of the job's images, a line each, as the agent finds them. */
export async function images(_: StepInput<"images">, { turn, say }: StepContext): Promise<StepSummary> {
  const lines: string[] = [];
  for (const { name, type, path } of turn.images ?? []) {
    const bytes = await readFile(path);
    lines.push(`${name}: ${type}, ${bytes.length} bytes, ${createHash("sha256").update(bytes).digest("hex")}`);
  }
  const text = lines.length === 0 ? "no images" : lines.join("\n");
  say({ kind: "message", data: { role: "agent", text } });
  return text;
}
