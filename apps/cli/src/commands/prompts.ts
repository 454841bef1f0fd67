import { PROMPT_PHASE_NAMES, type PromptPhase } from "@slipway/prompts/phases";
import { TASK_KIND_NAMES, type TaskKind } from "@slipway/protocol/task-kinds";
import type { Command } from "commander";
import { Argument, Option } from "commander";
import { gather } from "../terminal/parse.ts";
import { addKindOptions, type KindOptions, taskOfKind } from "./kind-options.ts";
import { type CommonOptions, screenOf, withCommon } from "./options.ts";
import { withTaskArgument } from "./task-argument.ts";

interface PreviewOptions extends CommonOptions, KindOptions {
  readonly phase: PromptPhase;
  readonly base?: string;
  readonly taskFile?: string;
  readonly criterion?: string[];
}

/** What only these commands need is loaded by each when it runs. */
export function addPrompts(program: Command): void {
  const prompts = program
    .command("prompts")
    .summary("what agents are asked in this repository: templates, and a preview")
    .description(
      "The templates of the prompts, by kind of job and phase, as a job from this checkout's HEAD would have them: the repository's own (.slipway/prompts/KIND-PHASE.md, `prompts` in .slipway.yaml), else Slipway's.",
    );
  withBase(withCommon(prompts.command("list", { isDefault: true })))
    .summary("which there are, their versions, and where each is from")
    .action(async (options: CommonOptions & { base?: string }) => await (await import("../prompts/list.ts")).listPrompts(screenOf(options), options.base));
  withBase(withCommon(prompts.command("show").addArgument(kindArgument()).addArgument(phaseArgument())))
    .summary("one template, as it stands")
    .action(async (kind: TaskKind, phase: PromptPhase, options: CommonOptions & { base?: string }) => {
      await (await import("../prompts/list.ts")).showPrompt(screenOf(options), kind, phase, options.base);
    });
  withBase(addKindOptions(withTaskArgument(withCommon(prompts.command("preview")))))
    .summary("exactly what the agent would be asked")
    .description(
      "Prints the prompt that a job with these options would begin with. With --phase that of another turn; what only a running job knows is shown as ‹name›.",
    )
    .option("--criterion <text>", "something that the change must do; may be given again", gather)
    .addOption(new Option("--phase <phase>", "which turn").choices([...PROMPT_PHASE_NAMES]).default("task"))
    .action(async (argument: string | undefined, options: PreviewOptions) => {
      await (await import("../prompts/preview.ts")).previewPrompt(
        screenOf(options),
        argument ?? (options.taskFile ? undefined : taskOfKind(options.kind)),
        options,
      );
    });
}

function withBase(command: Command): Command {
  return command.option("--base <commit>", "branch or commit whose files count (default: HEAD)");
}

function kindArgument(): Argument {
  return new Argument("<kind>", "kind of job").choices([...TASK_KIND_NAMES]);
}

function phaseArgument(): Argument {
  return new Argument("<phase>", "phase of its conversation").choices([...PROMPT_PHASE_NAMES]);
}
