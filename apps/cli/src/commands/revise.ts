import type { ReviewComment } from "@slipway/protocol/revise";
import { type Command, InvalidArgumentError } from "commander";
import { type CommonOptions, screenOf, withCommon } from "./options.ts";
import { JOB_ARGUMENT, withReader } from "./reading.ts";

interface ReviseOptions extends CommonOptions {
  readonly comment?: ReviewComment[];
  readonly oldComment?: ReviewComment[];
  readonly change?: string;
}

export function addRevise(program: Command): void {
  withCommon(
    program
      .command("revise")
      .argument(...JOB_ARGUMENT)
      .argument("[note]", "what is asked of the change as a whole"),
  )
    .summary("ask for something else in a job's change, at its lines")
    .description(
      "An agent at work gets it as a message, where it takes one. Of a job that is over a new job goes on: what landed from its target, a pull request on its branch, and what failed from the work that was kept.",
    )
    .option("--comment <path:line:text>", "what is asked at a line (12), at lines (12-20) or of a file (no line); may be given again", gatherComments("new"))
    .option("--old-comment <path:line:text>", "the same at lines as they were before the change", gatherComments("old"))
    .option("--change <id>", "the change that you looked at, such as 1 or 2.1 (default: the newest)")
    .action(reviseCommand);
}

async function reviseCommand(job: string, note: string | undefined, options: ReviseOptions): Promise<void> {
  const screen = screenOf(options);
  const { comment = [], oldComment = [], change } = options;
  const body = { note: note ?? "", comments: [...comment, ...oldComment], ...(change === undefined ? {} : { change }) };
  const { answer, alone } = await withReader(options, async ({ client, stack }) => ({
    answer: await client.call("reviseJob", { params: { job }, body }),
    alone: stack !== undefined,
  }));
  screen.document(answer);
  const { number } = answer.job;
  screen.print(answer.created ? `job ${number} goes on from the change of job ${answer.job.continues?.number ?? job}` : `sent to the agent of job ${number}`);
  if (alone) screen.print(screen.colors.dim("No worker runs: the next `slipway up` or `slipway run` takes it up."));
  else screen.print(screen.colors.dim(`Follow: slipway logs -f ${number}`));
}

/** `src/a.ts:12:text`, `src/a.ts:12-20:text`, `src/a.ts:text`. A path with a colon needs a line behind it. */
function gatherComments(side: ReviewComment["side"]) {
  return (given: string, before: ReviewComment[] = []): ReviewComment[] => {
    const placed = /^(.+?):(\d{1,9})(?:-(\d{1,9}))?:\s*(\S.*)$/s.exec(given);
    if (placed) {
      const [, path = "", line, endLine, text = ""] = placed;
      return [...before, { path, line: Number(line), ...(endLine === undefined ? {} : { endLine: Number(endLine) }), side, text }];
    }
    const whole = /^([^:]+):\s*(\S.*)$/s.exec(given);
    if (!whole) throw new InvalidArgumentError("Expected PATH:LINE:TEXT, PATH:FIRST-LAST:TEXT or PATH:TEXT, such as src/a.ts:12:Say why.");
    return [...before, { path: whole[1] ?? "", side, text: whole[2] ?? "" }];
  };
}
