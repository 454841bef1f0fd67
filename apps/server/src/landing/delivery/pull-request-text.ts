import type { JobDetail } from "@slipway/protocol/job";
import type { Scorecard } from "@slipway/protocol/scorecard";

/** Of a task this much is told, in characters; hosts take 65,536 of a whole text. */
const TASK_LIMIT_CHARACTERS = 8_000;

/** By which a pull request is known again, whatever else its text becomes. It holds the id of the job that the branch was made for. */
export function markerOf(jobId: string): string {
  return `<!-- slipway:job:${jobId} -->`;
}

/** By which the one comment with the scorecard is known again. */
export function scorecardMarkerOf(jobId: string): string {
  return `<!-- slipway:scorecard:${jobId} -->`;
}

/** The text of a job's pull request: its task, what was tested, who did it. It names nothing of the machine, and no secret is known here. */
export function pullRequestBody({ job, receipts, completion }: JobDetail, tree: string | null): string {
  const ran = receipts.filter((receipt) => receipt.tree === tree);
  const newest = [...new Map(ran.map((receipt) => [receipt.gate, receipt])).values()];
  return [
    markerOf(job.id),
    "### Task",
    "",
    fenced(job.task.length > TASK_LIMIT_CHARACTERS ? `${job.task.slice(0, TASK_LIMIT_CHARACTERS)}\n…` : job.task),
    "",
    "### Tested",
    "",
    ...(newest.length === 0
      ? ["Nothing was tested: the repository names no gates for what this changes."]
      : [
          `On tree \`${tree}\`, which is this branch merged with \`${completion?.target ?? job.target}\`:`,
          "",
          "| gate | result | time |",
          "|---|---|---|",
          ...newest.map(
            ({ gate, exitCode, durationMs }) => `| ${gate} | ${exitCode === 0 ? "passed" : `red (exit ${exitCode})`} | ${(durationMs / 1_000).toFixed(1)} s |`,
          ),
        ]),
    "",
    "---",
    "",
    fenced([`Job: ${job.number}`, `Job-Id: ${job.id}`, `Backend: ${job.backend}`, ...(job.ticket === null ? [] : [`Ticket: ${job.ticket}`])].join("\n")),
    "",
    "A comment that begins with `/revise`, and a review that asks for changes, start a job that revises this branch, where their author may push to the repository.",
    "",
  ].join("\n");
}

/** The scorecard as a comment. */
export function scorecardText({ score, parts, facts }: Scorecard, job: number): string {
  const rows = parts.map(({ name, share, most, how }) => `| ${name} | ${share === null ? "–" : `${Math.round(share * most)} of ${most}`} | ${cell(how)} |`);
  return [
    `### Scorecard of job ${job}: ${score === null ? "not final yet" : `${score} of 100`}`,
    "",
    "| part | points | how it was counted |",
    "|---|---|---|",
    ...rows,
    "",
    `${facts.attempts} attempt(s), ${facts.turns} turn(s), ${facts.repairs} repair(s), ${facts.usage.inputTokens + facts.usage.outputTokens} tokens, ${facts.usage.costUsd.toFixed(2)} USD.`,
    "",
  ].join("\n");
}

function cell(text: string): string {
  return text.replace(/[|\r\n]+/g, " ");
}

/** Text as it is: no mention, link or picture of it becomes one, as its fence is longer than any in it. */
export function fenced(text: string): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([ticks]) => ticks.length));
  const fence = "`".repeat(longest + 1);
  return `${fence}text\n${text.replace(/\r/g, "")}\n${fence}`;
}
