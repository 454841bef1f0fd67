import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { expect } from "vitest";
import type { Playground } from "../cli/slipway.ts";

export interface TerminalOptions {
  readonly columns?: number;
  readonly rows?: number;
  readonly env?: NodeJS.ProcessEnv;
  /** The terminal goes on after the command's end, so that it can be asked how it was left. */
  readonly stays?: boolean;
}

let count = 0;

/** Writes the command's exit code where it is found: tmux 3.3 sometimes never learns it. The trap keeps the shell alive at a Ctrl-C, and is not the command's. */
const TELL_EXIT = 'trap : INT; "$@"; printf %s "$?" >"$0.new"; mv "$0.new" "$0"';

/** A real terminal (tmux, with a server of its own) in which one command of a playground runs. */
export class Terminal implements AsyncDisposable {
  readonly #socket: string;

  private constructor(socket: string) {
    this.#socket = socket;
  }

  static async run(
    ground: Playground,
    cwd: string,
    args: readonly string[],
    { columns = 80, rows = 40, env = {}, stays = false }: TerminalOptions = {},
  ): Promise<Terminal> {
    count += 1;
    const terminal = new Terminal(join(ground.folder, `t${count}`));
    const config = `${ground.folder}/tmux.conf`;
    // The screen stays when the command has ended, with nothing of tmux's own on it.
    await writeFile(config, "set -g remain-on-exit on\nset -g remain-on-exit-format ''\nset -g status off\nset -g default-terminal screen-256color\n");
    const given = Object.entries({ ...ground.environment, ...env }).flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${value}`]));
    // tmux adds TERM and its own names; `env` afterwards sets what a test asks for.
    const command = ["sh", "-c", stays ? `${TELL_EXIT}; exec sleep 600` : TELL_EXIT, terminal.#exitFile, "env", ...given, ...ground.commandOf(...args)];
    await terminal.#tmux("-f", config, "new-session", "-d", "-x", String(columns), "-y", String(rows), "-c", cwd, ...command);
    return terminal;
  }

  /**
   * What stands on the screen, without spaces at line ends and empty lines at its end; `all`: what has scrolled away too; `joined`: a line that the terminal had
   * to break is one again.
   */
  async screen(options: { all?: boolean; colors?: boolean; joined?: boolean } = {}): Promise<string> {
    const flags = [...(options.colors ? ["-e"] : []), ...(options.joined ? ["-J"] : []), ...(options.all ? ["-S", "-"] : [])];
    const text = await this.#tmux("capture-pane", "-p", ...flags);
    return text.replace(/[ \t]+$/gm, "").trimEnd();
  }

  /** Waits until the screen shows it. */
  async shows(text: RegExp, timeout = 30_000): Promise<string> {
    await expect.poll(async () => await this.screen(), { timeout, interval: 50 }).toMatch(text);
    return await this.screen();
  }

  /** Types keys by tmux's names, such as `C-c`, `Enter`, `Down`, or text. */
  async type(...keys: string[]): Promise<void> {
    await this.#tmux("send-keys", ...keys);
  }

  async resize(columns: number, rows: number): Promise<void> {
    await this.#tmux("resize-window", "-x", String(columns), "-y", String(rows));
  }

  /** Whether a full screen is shown in place of the usual one, whether the cursor is to be seen, and what is typed. For one that stays. */
  async modes(): Promise<{ isFullScreen: boolean; hasCursor: boolean; hasEcho: boolean }> {
    const [alternate, cursor, tty = ""] = (await this.#tmux("display-message", "-p", "#{alternate_on} #{cursor_flag} #{pane_tty}")).split(" ");
    const { stdout } = await execa("stty", ["-F", tty, "-a"]);
    return { isFullScreen: alternate === "1", hasCursor: cursor === "1", hasEcho: /(^|\s)echo(\s|$)/m.test(stdout) };
  }

  /** Sends the command itself a signal. */
  async kill(signal: NodeJS.Signals): Promise<void> {
    const shell = await this.#tmux("display-message", "-p", "#{pane_pid}");
    const [command] = (await readFile(`/proc/${shell}/task/${shell}/children`, "utf8")).trim().split(" ");
    process.kill(Number(command), signal);
  }

  /** Waits for the command's end. */
  async exitCode(timeout = 30_000): Promise<number> {
    const told = async (): Promise<string> => await readFile(this.#exitFile, "utf8").catch(() => "");
    await expect.poll(told, { timeout, interval: 50 }).toMatch(/^\d+$/);
    return Number(await told());
  }

  get #exitFile(): string {
    return `${this.#socket}.exit`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#tmux("kill-server");
  }

  async #tmux(...args: string[]): Promise<string> {
    const { PATH, HOME } = process.env;
    const { stdout } = await execa("tmux", ["-u", "-S", this.#socket, ...args], { env: { PATH, HOME, LC_ALL: "C.UTF-8", TERM: "xterm" }, extendEnv: false });
    return stdout;
  }
}
