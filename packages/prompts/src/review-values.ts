import type { Reviewed } from "@slipway/protocol/task-kinds";
import { verdictSchema } from "@slipway/protocol/verdict";
import { z } from "zod";
import { diffBlock } from "./blocks.ts";

/** What the prompt of a review has beside its task: what is reviewed, the change as a patch (undefined: too large to be read), and the form of a verdict. */
export function reviewValues(reviewed: Pick<Reviewed, "baseOid" | "headOid" | "job">, patch: string | undefined): Record<"reviewed" | "diff" | "form", string> {
  const commits = `from ${reviewed.baseOid.slice(0, 12)} to ${reviewed.headOid.slice(0, 12)}`;
  return { reviewed: reviewed.job === null ? commits : `of job ${reviewed.job}, ${commits}`, diff: diffBlock(patch, reviewed), form: verdictForm() };
}

function verdictForm(): string {
  const { $schema: _, ...schema } = z.toJSONSchema(verdictSchema, { io: "input" });
  const example = {
    verdict: "request-changes",
    summary: "The new check lets an empty name through.",
    findings: [{ severity: "major", file: "src/name.ts", line: 12, message: "An empty name passes, as its length is not looked at." }],
  };
  return `\`\`\`json\n${JSON.stringify(example, null, 2)}\n\`\`\`\n\nIts JSON Schema:\n\n\`\`\`\n${JSON.stringify(schema)}\n\`\`\``;
}
