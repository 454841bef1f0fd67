import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { probeBubblewrap } from "@slipway/cli/stack/sandbox-probe";
import { gitText, runGit } from "@slipway/git/exec";
import { execa } from "execa";
import { stringify } from "yaml";

const MAIN = fileURLToPath(new URL("../../apps/cli/src/main.ts", import.meta.url));
const FLAGS = ["--disable-sigusr1", "--disable-warning=ExperimentalWarning"];

export interface Answer {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A folder for one test file: data, repositories and the commands that run in them. All of it goes away with `dispose`. */
export class Playground implements AsyncDisposable {
  readonly folder: string;
  readonly data: string;
  readonly #running: Set<ChildProcess>;
  #more: NodeJS.ProcessEnv = {};

  private constructor(folder: string, running = new Set<ChildProcess>()) {
    this.#running = running;
    this.folder = folder;
    this.data = join(folder, "data");
  }

  static async make(): Promise<Playground> {
    return new Playground(await mkdtemp(join(tmpdir(), "slipway-cli-")));
  }

  get environment(): NodeJS.ProcessEnv {
    const { PATH, HOME } = process.env;
    return { PATH, HOME, SLIPWAY_DATA: this.data, XDG_RUNTIME_DIR: this.folder, ...this.#more };
  }

  /** The same place, with more in its commands' environment; what it starts ends with the first one. */
  with(environment: NodeJS.ProcessEnv): Playground {
    const other = new Playground(this.folder, this.#running);
    other.#more = environment;
    return other;
  }

  /** Runs a command to its end, with no terminal. */
  async slipway(cwd: string, ...args: string[]): Promise<Answer> {
    return await this.slipwayWith(undefined, cwd, ...args);
  }

  /** The same with these bytes on standard input. */
  async slipwayWith(input: Uint8Array | string | undefined, cwd: string, ...args: string[]): Promise<Answer> {
    const options = { cwd, env: this.environment, extendEnv: false, reject: false } as const;
    const given = input === undefined ? ({ stdin: "ignore" } as const) : { input };
    const { exitCode, stdout, stderr } = await execa(process.execPath, [...FLAGS, MAIN, ...args], { ...options, ...given });
    return { code: exitCode ?? null, stdout: String(stdout), stderr: String(stderr) };
  }

  /** A command as a list of words, for what starts it by itself. */
  commandOf(...args: string[]): string[] {
    return [process.execPath, ...FLAGS, MAIN, ...args];
  }

  /** `--sandbox none` where bubblewrap makes no sandbox: the suites run with and without it. */
  async sandbox(): Promise<string[]> {
    return (await probeBubblewrap()).ok ? [] : ["--sandbox", "none"];
  }

  /** Starts a command that is to be watched or interrupted. */
  start(cwd: string, ...args: string[]): Watched {
    // Jobs come one after the other: one sandbox that waits is enough, and each of the others would be a second of a processor for nobody.
    const env = args[0] === "up" ? { SLIPWAY_WARM_MAX: "1", ...this.environment } : this.environment;
    const child = spawn(process.execPath, [...FLAGS, MAIN, ...args], { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
    this.#running.add(child);
    child.once("exit", () => this.#running.delete(child));
    return new Watched(child);
  }

  /** A git repository with one commit on `main`. */
  async repository(name: string, files: Record<string, string> = {}): Promise<string> {
    const root = join(this.folder, name);
    const all: Record<string, string> = {
      "README.md": "# sample\n",
      ".slipway.yaml": "version: 1\ngates:\n  - name: test\n    run: test -f README.md\n",
      ...files,
    };
    for (const [path, content] of Object.entries(all)) {
      await mkdir(dirname(join(root, path)), { recursive: true });
      await writeFile(join(root, path), content);
    }
    await runGit(["init", "--quiet", "--initial-branch=main"], { cwd: root });
    await runGit(["config", "user.name", "Test"], { cwd: root });
    await runGit(["config", "user.email", "test@example.org"], { cwd: root });
    await runGit(["add", "--all"], { cwd: root });
    await runGit(["commit", "--quiet", "--message", "first"], { cwd: root });
    return root;
  }

  /** Options for a job of the script backend with these turns. */
  async script(name: string, ...turns: Array<Array<Record<string, unknown>>>): Promise<string[]> {
    const path = join(this.folder, `${name}.yaml`);
    await writeFile(path, stringify({ turns }));
    return ["--backend", "script", "--backend-config", `script=@${path}`];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(
      [...this.#running].map(async (child) => {
        child.kill("SIGTERM");
        await once(child, "exit");
      }),
    );
    await rm(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** A running command and what it has printed so far. */
export class Watched {
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;
  #stdout = "";
  #stderr = "";
  #look = (): void => undefined;

  constructor(child: ChildProcess) {
    this.#child = child;
    this.#ended = once(child, "close").then(() => this.#look());
    child.stdout?.on("data", (chunk: Buffer) => {
      this.#stdout += chunk;
      this.#look();
    });
    child.stderr?.on("data", (chunk: Buffer) => {
      this.#stderr += chunk;
      this.#look();
    });
  }

  /** Resolves as soon as the output holds `text`; rejects where the command ends without it. */
  async says(text: string | RegExp): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#look = () => {
      const output = this.#stdout + this.#stderr;
      if (typeof text === "string" ? output.includes(text) : text.test(output)) resolve();
      else if (this.#child.exitCode !== null || this.#child.signalCode !== null) reject(new Error(`the command ended without saying ${text}:\n${output}`));
    };
    this.#look();
    await promise;
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  async end(): Promise<Answer> {
    await this.#ended;
    return { code: this.#child.exitCode, stdout: this.#stdout, stderr: this.#stderr };
  }
}

/** What git says in a folder. */
export async function git(cwd: string, ...args: string[]): Promise<string> {
  return await gitText(args, { cwd });
}
