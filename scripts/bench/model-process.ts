import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { stringify } from "yaml";
import type { ScenarioInput } from "../../tests/support/model-server/scenario.ts";

const MAIN = join(import.meta.dirname, "../../tests/support/model-server/main.ts");

/** The scripted model server as a process of its own, so that its work is not counted as somebody else's. */
export class ModelProcess implements AsyncDisposable {
  readonly baseUrl: string;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, baseUrl: string) {
    this.#child = child;
    this.baseUrl = baseUrl;
  }

  /** The scenario's file is left in `folder`. */
  static async start(folder: string, scenario: ScenarioInput): Promise<ModelProcess> {
    const file = join(folder, "scenario.yaml");
    await writeFile(file, stringify(scenario));
    const child = spawn(process.execPath, [MAIN, "--scenario", file, "--quiet"], { stdio: ["ignore", "pipe", "inherit"] });
    const lines = createInterface({ input: child.stdout });
    const [line] = (await once(lines, "line")) as [string];
    return new ModelProcess(child, (JSON.parse(line) as { baseUrl: string }).baseUrl);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const exited = once(this.#child, "exit");
    this.#child.kill("SIGINT");
    await exited;
  }
}
