import type { JobEvent } from "@slipway/protocol/events";
import type { JobView } from "@slipway/protocol/job";

/** Of one text, such as what a command printed; the events have all of it. */
const TEXT_LIMIT_CHARACTERS = 8_000;

/** What was said and done, as Markdown: each attempt with its turns, and in these the words of agent and people, the tools, and what the judges found. */
export function transcriptOf(job: JobView, events: readonly JobEvent[]): string {
  const lines = [`# Job ${job.number}: ${oneLine(job.title)}`, "", ...quoted(job.task), ""];
  let fence: number | null = null;
  for (const event of events) {
    if (event.fence !== null && event.fence !== fence) {
      fence = event.fence;
      lines.push(`## Attempt ${fence}`, "");
    }
    const told = linesOf(event);
    if (told.length > 0) lines.push(...told, "");
  }
  return `${lines.join("\n").trimEnd()}\n`;
}

function linesOf(event: JobEvent): string[] {
  switch (event.kind) {
    case "turn":
      if (event.data.status === "started") return [`### Turn ${event.data.turn} (${event.data.reason})`];
      return event.data.status === "failed" ? [`The turn failed${event.data.code ? ` with ${event.data.code}` : ""}.`] : [];
    case "message": {
      const { role, text } = event.data;
      if (role === "agent") return [cut(text)];
      return [role === "user" ? "Message to the agent:" : "Thought:", "", ...quoted(text)];
    }
    case "tool-call":
      return [
        `Tool \`${oneLine(event.data.name)}\`:`,
        "",
        ...fenced(typeof event.data.input === "string" ? event.data.input : JSON.stringify(event.data.input, null, 2)),
      ];
    case "tool-result":
      return [event.data.isError ? "It failed:" : "It gave:", "", ...fenced(event.data.output)];
    case "gate":
      return event.data.status === "started" ? [] : [`Gate \`${event.data.name}\`: ${event.data.status}.`];
    case "check":
      return event.data.findings.length === 0
        ? []
        : [`Check \`${event.data.name}\` ${event.data.passed ? "says" : "refuses"}:`, "", ...event.data.findings.map((finding) => `- ${oneLine(finding)}`)];
    case "notice":
      return [`Notice: ${oneLine(event.data.text)}`];
    case "gap":
      return [`Here ${event.data.droppedEvents} events are missing: ${event.data.reason}.`];
    default:
      return [];
  }
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, " ").trim();
}

function cut(text: string): string {
  return text.length <= TEXT_LIMIT_CHARACTERS ? text : `${text.slice(0, TEXT_LIMIT_CHARACTERS).toWellFormed()} […]`;
}

function quoted(text: string): string[] {
  return cut(text.trim())
    .split("\n")
    .map((line) => `> ${line}`.trimEnd());
}

/** No text closes its own block: the fence is longer than any in it. */
function fenced(text: string | undefined): string[] {
  const shown = cut(text ?? "").trimEnd();
  const longest = Math.max(2, ...Array.from(shown.matchAll(/`+/g), (match) => match[0].length));
  const fence = "`".repeat(longest + 1);
  return [fence, shown, fence];
}
