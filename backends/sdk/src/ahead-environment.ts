import { appendFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

/** Variables of a turn that are its job's own: nobody knows them before there is one. */
export const JOB_VARIABLES = ["SLIPWAY_JOB", "SLIPWAY_PORT_BASE", "SLIPWAY_PORT_COUNT"] as const;

/** What shells that know no `BASH_ENV` read: `sh`, where an agent asks for a login, and zsh for every command. */
const STARTUP_FILES = [".profile", ".zshenv"];
const READ_JOB = '[ ! -r "$HOME/.slipway/job-environment.sh" ] || . "$HOME/.slipway/job-environment.sh"\n';

const OWN: ReadonlySet<string> = new Set(JOB_VARIABLES);

/**
 * The environment of an agent that is started before its job is known, from that of a turn: the same for all jobs, and with a file in which `bash` finds the
 * rest whenever the agent runs a command by it (`BASH_ENV`, https://www.gnu.org/software/bash/manual/html_node/Bash-Startup-Files.html). `tellJob` sees to other
 * shells; `sh` without a login alone reads nothing.
 */
export function aheadEnvironment(env: Readonly<Record<string, string>>, home: string): Record<string, string> {
  const shared = Object.fromEntries(Object.entries(env).filter(([name]) => !OWN.has(name)));
  // Its outermost shell takes a socket on its standard input, as Node makes them, for a remote login, and reads `.bashrc` alone.
  return { ...shared, BASH_ENV: fileIn(home), SHLVL: "1" };
}

/** Writes the file that `aheadEnvironment` names, when the job is known, and has other shells read it. */
export async function tellJob(env: Readonly<Record<string, string>>, home: string): Promise<void> {
  const lines = JOB_VARIABLES.flatMap((name) => (env[name] === undefined ? [] : [`export ${name}='${env[name].replaceAll("'", "'\\''")}'\n`]));
  await mkdir(dirname(fileIn(home)), { recursive: true, mode: 0o700 });
  await writeFile(fileIn(home), lines.join(""));
  for (const name of STARTUP_FILES) {
    const path = join(home, name);
    const text = await readFile(path, "utf8").catch(() => ""); // it is not there yet
    if (!text.includes(READ_JOB)) await appendFile(path, text === "" || text.endsWith("\n") ? READ_JOB : `\n${READ_JOB}`);
  }
}

function fileIn(home: string): string {
  return join(home, ".slipway/job-environment.sh");
}
