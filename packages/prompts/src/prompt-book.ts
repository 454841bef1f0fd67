import { createHash } from "node:crypto";
import { SlipwayError } from "@slipway/protocol/errors";
import type { Prompts, PromptUsed } from "@slipway/protocol/prompts";
import { REPOSITORY_CONFIG_FILE } from "@slipway/protocol/repository-config";
import type { TaskKind } from "@slipway/protocol/task-kinds";
import { nearestTemplateName, type PromptPhase, type PromptVariable, phasesOf, readTemplateName, TEMPLATE_NAMES } from "./phases.ts";
import { shippedTemplates } from "./shipped.ts";
import { fillTemplate, invalid, parseTemplate, type Template } from "./template.ts";

/** Folder of a repository with templates of its own. */
export const PROMPTS_FOLDER = ".slipway/prompts";

/** What a repository says of its prompts at one commit. */
export interface RepositoryPrompts {
  /** Texts of the files of PROMPTS_FOLDER, by their names. */
  readonly files: ReadonlyMap<string, string>;
  /** `prompts` of its `.slipway.yaml`. */
  readonly config: Prompts;
}

/** A prompt, and the template that it was made from. */
export interface FilledPrompt {
  readonly text: string;
  readonly used: PromptUsed;
}

/** The prompts of all kinds in one repository. */
export class PromptBook {
  readonly #own: ReadonlyMap<string, Template>;

  private constructor(own: ReadonlyMap<string, Template>) {
    this.#own = own;
  }

  /** Reads and judges all templates of a repository, also those that no job of now would use. INVALID_CONFIG. */
  static open({ files, config }: RepositoryPrompts): PromptBook {
    const own = new Map<string, Template>();
    for (const [phase, name] of [
      ["task", "develop-task"],
      ["readOnly", "develop-answer"],
      ["repair", "any-repair"],
    ] as const) {
      const text = config[phase];
      if (text !== undefined) own.set(name, ofConfig(name, text));
    }
    for (const [file, text] of files) {
      const name = nameOf(file);
      if (name !== undefined) own.set(name, parseTemplate({ name, from: `${PROMPTS_FOLDER}/${file}`, text }));
    }
    return new PromptBook(own);
  }

  /** The template of a kind and phase: the repository's for the kind, else its one for any kind, else Slipway's own. */
  template(kind: TaskKind, phase: PromptPhase): Template {
    if (!phasesOf(kind).includes(phase)) throw noSuchPhase(kind, phase);
    const [exact, any] = [`${kind}-${phase}`, `any-${phase}`];
    const shipped = shippedTemplates();
    // A verdict is repaired in another way than a change: what a repository says of repairs is not about it.
    const isOwnOfKind = shipped.has(exact);
    const found = this.#own.get(exact) ?? (isOwnOfKind ? undefined : this.#own.get(any)) ?? shipped.get(exact) ?? shipped.get(any);
    if (!found) throw new Error(`there is no template ${exact}`);
    return found;
  }

  /** A prompt of a kind and phase. Values that its template has no place for are left out. */
  fill(kind: TaskKind, phase: PromptPhase, values: Partial<Record<PromptVariable, string>>): FilledPrompt {
    const template = this.template(kind, phase);
    return { text: fillTemplate(template, values as Record<string, string>), used: template.used };
  }
}

/** Its places were judged with the file. */
function ofConfig(name: string, text: string): Template {
  const digest = createHash("sha256").update(text).digest("hex");
  return { used: { name, version: null, digest, from: REPOSITORY_CONFIG_FILE }, text, headings: [] };
}

/** Undefined for what is no template, such as a picture or the folder's README. */
function nameOf(file: string): string | undefined {
  if (!file.endsWith(".md") || file.toLowerCase() === "readme.md") return undefined;
  const name = file.slice(0, -3);
  if (readTemplateName(name)) return name;
  const near = nearestTemplateName(name);
  const suggestion = near === undefined ? undefined : `${near}.md`;
  throw invalid({ file: `${PROMPTS_FOLDER}/${file}`, line: 1, column: 1, value: file, expected: `one of ${TEMPLATE_NAMES.join(", ")}, with .md`, suggestion });
}

function noSuchPhase(kind: TaskKind, phase: PromptPhase): SlipwayError {
  const phases = phasesOf(kind);
  return new SlipwayError("INVALID_REQUEST", `A job of the kind ${kind} has no prompt ${phase}.`, {
    field: "phase",
    value: phase,
    expected: phases.join(", "),
    hint: `It has: ${phases.join(", ")}.`,
  });
}
