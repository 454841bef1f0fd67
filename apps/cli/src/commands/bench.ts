import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Command } from "commander";
import { EXIT_CODES } from "../exit-codes.ts";
import { modelKeyNames } from "../models/gateway-config.ts";
import { dataFolder } from "../stack/data-folder.ts";
import { cleanEnvironment } from "../stack/environment.ts";
import { exitWith } from "./options.ts";

export function addBench(program: Command): void {
  program
    .command("bench")
    .summary("measure this installation")
    .description("Measures in a data folder of its own, which it deletes again; takes about a minute. Figures hold for this machine and this run only.")
    .option("--json", "one JSON document on standard output")
    .option("--only <name...>", "only these; `--only list` names them")
    .option("--quick", "fewer rounds")
    .action(async (options: { json?: boolean; only?: string[]; quick?: boolean }) => {
      const main = fileURLToPath(new URL("../../../../scripts/bench/main.ts", import.meta.url));
      const args = [...(options.json ? ["--json"] : []), ...(options.quick ? ["--quick"] : []), ...(options.only ?? []).flatMap((name) => ["--only", name])];
      // The bench reaches into server and worker, which the command line may not: so it is a program of its own.
      const child = spawn(process.execPath, ["--disable-sigusr1", "--disable-warning=ExperimentalWarning", main, ...args], {
        stdio: "inherit",
        env: cleanEnvironment(await modelKeyNames(dataFolder())),
      });
      // The terminal's Ctrl-C reaches the child too, which cleans up; this process waits for it.
      const ignore = (): void => undefined;
      process.on("SIGINT", ignore);
      const [code, signal] = (await once(child, "exit")) as [number | null, NodeJS.Signals | null];
      process.off("SIGINT", ignore);
      exitWith(signal === "SIGINT" ? EXIT_CODES.interrupted.code : (code ?? EXIT_CODES.environment.code));
    });
}
