import { type PromptPhase, phasesOf } from "@slipway/prompts/phases";
import type { PromptUsed } from "@slipway/protocol/prompts";
import { TASK_KIND_NAMES, type TaskKind } from "@slipway/protocol/task-kinds";
import type { Screen } from "../terminal/screen.ts";
import { type Column, tableLines } from "../terminal/table.ts";
import { printable } from "../terminal/text.ts";
import { promptsHere } from "./repository-prompts.ts";

interface Row extends PromptUsed {
  readonly kind: TaskKind;
  readonly phase: PromptPhase;
}

/** All templates of this repository, as its jobs have them. */
export async function listPrompts(screen: Screen, base: string | undefined): Promise<void> {
  const { book, oid } = await promptsHere(base);
  const rows = TASK_KIND_NAMES.flatMap((kind) => phasesOf(kind).map((phase): Row => ({ kind, phase, ...book.template(kind, phase).used })));
  screen.document({ base: oid, prompts: rows });
  const columns: Array<Column<Row>> = [
    { title: "kind", text: ({ kind }) => kind },
    { title: "phase", text: ({ phase }) => phase },
    { title: "template", text: ({ name }) => name },
    { title: "version", text: ({ version, digest }) => (version === null ? digest.slice(0, 8) : String(version)), align: "right" },
    { title: "from", text: ({ from }) => printable(from), grows: true },
  ];
  for (const line of tableLines(screen, columns, rows)) screen.print(line);
  screen.print(screen.colors.dim("One of them: slipway prompts show KIND PHASE. What an agent would be asked: slipway prompts preview TASK"));
}

/** One template, without its front matter. */
export async function showPrompt(screen: Screen, kind: TaskKind, phase: PromptPhase, base: string | undefined): Promise<void> {
  const { book } = await promptsHere(base);
  const { used, text, headings } = book.template(kind, phase);
  screen.document({ kind, phase, ...used, headings, text });
  for (const line of text.split("\n")) screen.print(printable(line));
}
