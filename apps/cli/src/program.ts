import { Command } from "commander";
import { addAccept } from "./commands/accept.ts";
import { addArtifacts } from "./commands/artifacts.ts";
import { addAudit } from "./commands/audit.ts";
import { addBackends } from "./commands/backends.ts";
import { addBench } from "./commands/bench.ts";
import { addBlame } from "./commands/blame.ts";
import { addCompletion } from "./commands/completion.ts";
import { addConfig } from "./commands/config.ts";
import { addDemo } from "./commands/demo.ts";
import { addDoctor } from "./commands/doctor.ts";
import { addDown } from "./commands/down.ts";
import { addDrain } from "./commands/drain.ts";
import { addFetch } from "./commands/fetch.ts";
import { addGates } from "./commands/gates.ts";
import { addImages } from "./commands/images.ts";
import { addInit } from "./commands/init.ts";
import { addJobActions } from "./commands/job-actions.ts";
import { addJobs } from "./commands/jobs.ts";
import { addLogs } from "./commands/logs.ts";
import { addNotifications } from "./commands/notifications.ts";
import { addOpen } from "./commands/open.ts";
import { addPr } from "./commands/pr.ts";
import { addPrompts } from "./commands/prompts.ts";
import { addRepos } from "./commands/repos.ts";
import { addRevise } from "./commands/revise.ts";
import { addRun } from "./commands/run.ts";
import { addShow } from "./commands/show.ts";
import { addSubmit } from "./commands/submit.ts";
import { addToken } from "./commands/token.ts";
import { addTop } from "./commands/top.ts";
import { addTrain } from "./commands/train.ts";
import { addUp } from "./commands/up.ts";
import { addVersion, slipwayVersion } from "./commands/version.ts";
import { addWorkers } from "./commands/workers.ts";
import { addExamples } from "./examples.ts";
import { exitCodeHelp } from "./exit-codes.ts";

/** The whole command line. Errors of usage are thrown as CommanderError and not printed, all others as SlipwayError. */
export function slipwayProgram(): Command {
  const program = new Command("slipway")
    .description("Runs coding agents as jobs on your own machines and lands tested commits.")
    .version(slipwayVersion(), "-V, --version")
    .showSuggestionAfterError()
    .configureHelp({ helpWidth: Math.min(process.stdout.columns || 80, 100), showGlobalOptions: false })
    .exitOverride()
    .configureOutput({ outputError: () => undefined })
    .addHelpText("after", `\n${exitCodeHelp()}\n\nFirst steps: \`slipway demo\`, then \`slipway run "…"\` in a git repository of your own.`);
  program.commandsGroup("Start:");
  addDemo(program);
  addInit(program);
  addRun(program);
  addUp(program);
  addOpen(program);
  addDown(program);
  addBackends(program);
  addDoctor(program);
  program.commandsGroup("Jobs:");
  addSubmit(program);
  addJobs(program);
  addTop(program);
  addShow(program);
  addLogs(program);
  addFetch(program);
  addJobActions(program);
  addRevise(program);
  addAccept(program);
  addPr(program);
  addArtifacts(program);
  addBlame(program);
  addPrompts(program);
  program.commandsGroup("Operations:");
  addRepos(program);
  addGates(program);
  addTrain(program);
  addWorkers(program);
  addDrain(program);
  addImages(program);
  addToken(program);
  addAudit(program);
  addNotifications(program);
  addConfig(program);
  addBench(program);
  addCompletion(program);
  addVersion(program);
  addExamples(program);
  return program;
}
