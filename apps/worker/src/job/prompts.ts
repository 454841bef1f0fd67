import { readFolderAt } from "@slipway/git/hub";
import type { WorkerRepository } from "@slipway/git/repository";
import { type FilledPrompt, PROMPTS_FOLDER, PromptBook } from "@slipway/prompts/job-prompts";
import type { PromptPhase, PromptVariable } from "@slipway/prompts/phases";
import type { JobView } from "@slipway/protocol/job";
import type { RepositoryConfig } from "@slipway/protocol/repository-config";
import { failureOf } from "./of-kind.ts";

/** The prompts of one job, in its repository at its base. */
export class JobPrompts {
  readonly #book: PromptBook;
  readonly #job: JobView;
  readonly #config: RepositoryConfig;

  constructor(book: PromptBook, job: JobView, config: RepositoryConfig) {
    this.#book = book;
    this.#job = job;
    this.#config = config;
  }

  /** Headings that the job's document must have. */
  get headings(): readonly string[] {
    return this.#book.template(this.#job.taskKind, "task").headings;
  }

  /** The prompt of a phase; what follows from job and repository is put in beside the given values. */
  fill(phase: PromptPhase, values: Partial<Record<PromptVariable, string>> = {}): FilledPrompt {
    const { task, taskKind, taskSpec } = this.#job;
    const known: Partial<Record<PromptVariable, string>> = {
      task,
      testPaths: this.#config.checks.testPaths.map((glob) => `- \`${glob}\``).join("\n"),
      failure: failureOf(taskSpec),
      headings: this.#headingsText(),
      ...(taskSpec.document === undefined ? {} : { document: taskSpec.document }),
    };
    return this.#book.fill(taskKind, phase, { ...known, ...values });
  }

  #headingsText(): string {
    return this.headings.map((heading) => `- ${heading}`).join("\n");
  }
}

/** The repository's own templates at a commit, and Slipway's where it has none. Never read from a tree that an agent can write. INVALID_CONFIG. */
export async function readPromptBook(repository: WorkerRepository, oid: string, config: RepositoryConfig): Promise<PromptBook> {
  const files = await readFolderAt(repository.dir, oid, PROMPTS_FOLDER);
  return PromptBook.open({ files: new Map([...files].map(([name, bytes]) => [name, bytes.toString("utf8")])), config: config.prompts });
}
