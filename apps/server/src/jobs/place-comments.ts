import { readFileAt } from "@slipway/git/hub";
import type { PlacedComment } from "@slipway/prompts/revise-task";
import { SlipwayError } from "@slipway/protocol/errors";
import type { ReviewComment } from "@slipway/protocol/revise";

/** Of one comment so many lines are read; fewer are quoted. */
const LINES_READ = 1_000;

/** Comments with the lines that they are about, as the commits have them. INVALID_REQUEST, naming the comment, for a file or a line that is not there. */
export async function placeComments(
  root: string,
  at: { readonly oid: string; readonly baseOid: string },
  comments: readonly ReviewComment[],
): Promise<PlacedComment[]> {
  const files = new Map<string, Promise<string[] | "too-large" | null>>();
  const linesOf = (oid: string, path: string): Promise<string[] | "too-large" | null> => {
    const key = `${oid}:${path}`;
    const known = files.get(key) ?? readLines(root, oid, path);
    files.set(key, known);
    return known;
  };
  return await Promise.all(
    comments.map(async (comment, index): Promise<PlacedComment> => {
      const { path, line, endLine = line, side } = comment;
      const lines = await linesOf(side === "new" ? at.oid : at.baseOid, path);
      if (lines === null) {
        // Of the whole file either side will do: one that is deleted, say.
        if (line === undefined && (await linesOf(at.baseOid, path)) !== null) return comment;
        throw notThere(`comments.${index}.path`, path, side === "new" ? "a file that the change has" : "a file that was there before the change");
      }
      if (line === undefined || endLine === undefined || lines === "too-large") return comment;
      if (endLine > lines.length)
        throw notThere(`comments.${index}.${comment.endLine === undefined ? "line" : "endLine"}`, endLine, `a line of ${path}, which has ${lines.length}`);
      return { ...comment, quoted: lines.slice(line - 1, Math.min(endLine, line - 1 + LINES_READ)) };
    }),
  );
}

/** Null where there is no such file; of one beyond 1 MiB nothing is quoted. */
async function readLines(root: string, oid: string, path: string): Promise<string[] | "too-large" | null> {
  try {
    const text = (await readFileAt(root, oid, path))?.toString("utf8");
    return text === undefined ? null : text.replace(/\n$/, "").split("\n");
  } catch (error) {
    if (error instanceof SlipwayError && error.code === "PAYLOAD_TOO_LARGE") return "too-large";
    throw error;
  }
}

function notThere(field: string, value: string | number, expected: string): SlipwayError {
  const hint = "Lines are counted from 1, in the file as the change has it; `side: old` is for lines of before.";
  return new SlipwayError("INVALID_REQUEST", `${field}: expected ${expected}.`, { field, value, expected, hint });
}
