import { branchSchema } from "@slipway/protocol/scalars";
import { wordsOf } from "@slipway/protocol/title-words";

/** A new branch for a job: words of the title that every file system and shell takes, and the end of the id, which is random. */
export function targetOf(title: string, jobId: string): string {
  return branchSchema.parse(`slipway/${wordsOf(title) || "job"}-${jobId.slice(-6)}`);
}
