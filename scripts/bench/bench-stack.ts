import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pushBase } from "@slipway/git/checkout";
import { gitText, runGit } from "@slipway/git/exec";
import { Client } from "@slipway/protocol/client";
import { GATEWAY_CONFIG_FILE } from "@slipway/protocol/gateway-config";
import type { JobView, SubmitJobInput } from "@slipway/protocol/job";
import type { RepositoryView } from "@slipway/protocol/repository";
import type { SandboxKind } from "@slipway/protocol/sandbox-kind";
import { newId } from "@slipway/protocol/scalars";
import { gatewaySocket, readToken, tokenFile } from "../../apps/cli/src/stack/data-folder.ts";
import { cleanEnvironment } from "../../apps/cli/src/stack/environment.ts";
import { Part } from "../../apps/cli/src/stack/part.ts";
import { probeBubblewrap } from "../../apps/cli/src/stack/sandbox-probe.ts";
import { LeanClient } from "./lean-client.ts";

const SILENT = { crashed: () => undefined, restarted: () => undefined, ended: () => undefined };

type PartOfBench = "worker" | "integrator" | "gateway";

/** A server, and on request a gateway, a worker and an integrator, on a data folder of their own that is deleted in the end. */
export class BenchStack implements AsyncDisposable {
  readonly folder: string;
  readonly data: string;
  readonly #parts: Part[] = [];
  #url = "";

  private constructor(folder: string) {
    this.folder = folder;
    this.data = join(folder, "data");
  }

  /** `gatewayConfig`: what stands in `gateway.yaml`. Without a word bubblewrap is the sandbox, where it works. */
  static async start(parts: readonly PartOfBench[] = [], gatewayConfig?: unknown, wanted?: SandboxKind): Promise<BenchStack> {
    const stack = new BenchStack(await mkdtemp(join(tmpdir(), "slipway-bench-")));
    try {
      await mkdir(stack.data, { mode: 0o700 });
      if (gatewayConfig !== undefined) await writeFile(join(stack.data, GATEWAY_CONFIG_FILE), JSON.stringify(gatewayConfig));
      const { url } = await stack.#start("server", ["--data", stack.data, "--port", "0"]);
      stack.#url = String(url);
      const sandbox = wanted ?? ((await probeBubblewrap()).ok ? "bwrap" : "none");
      for (const name of parts) {
        const args = ["--data", stack.data, "--url", stack.#url, "--token-file", tokenFile(stack.data, name)];
        const more = { worker: ["--slots", "2", "--sandbox", sandbox], integrator: [], gateway: ["--socket", stack.gatewaySocket] }[name];
        await stack.#start(name, [...(name === "gateway" ? ["serve"] : []), ...args, ...more]);
      }
      return stack;
    } catch (error) {
      await stack[Symbol.asyncDispose]();
      throw error;
    }
  }

  client(role: "admin" | "worker" | "integrator" = "admin"): Client {
    return new Client({ url: this.#url, token: readToken(tokenFile(this.data, role)) });
  }

  /** For where the clients' own work would be measured with the server's. */
  leanClient(role: "admin" | "worker", connections: number): LeanClient {
    return new LeanClient({ url: this.#url, token: readToken(tokenFile(this.data, role)), connections });
  }

  get gatewaySocket(): string {
    return gatewaySocket(this.data);
  }

  pidOf(name: "server" | PartOfBench): number {
    const pid = this.#parts.find((part) => part.name === name)?.pid;
    if (pid === undefined) throw new TypeError(`the bench has not started a ${name}`);
    return pid;
  }

  /** A repository with `files` files and one gate, registered, its only commit on the hub; `more`: further keys of its `.slipway.yaml`, and what else to put into its root. */
  async repository(
    files: number,
    gate = "true",
    more: { readonly config?: object; readonly fill?: (root: string) => Promise<void> } = {},
  ): Promise<{ repository: RepositoryView; oid: string }> {
    const root = join(this.folder, `repository-${newId()}`);
    await mkdir(join(root, "src"), { recursive: true });
    // In parts: a process has only so many files open.
    for (let from = 0; from < files; from += 500) {
      const part = Array.from({ length: Math.min(500, files - from) }, (_, index) => from + index);
      await Promise.all(part.map((index) => writeFile(join(root, "src", `file-${index}.txt`), `file ${index}\n`.repeat(50))));
    }
    // JSON is YAML too.
    await writeFile(join(root, ".slipway.yaml"), JSON.stringify({ version: 1, gates: [{ name: "check", run: gate }], ...more.config }));
    await more.fill?.(root);
    await runGit(["init", "--quiet", "--initial-branch=main"], { cwd: root });
    await runGit(["add", "--all"], { cwd: root });
    await runGit(["commit", "--quiet", "--message", "bench"], { cwd: root });
    const oid = await gitText(["rev-parse", "HEAD"], { cwd: root });
    const repository = await this.client().call("createRepository", { body: { name: `bench-${newId()}`, url: null, defaultBranch: "main" } });
    await pushBase(root, { url: repository.upstreamUrl, credential: readToken(tokenFile(this.data, "admin")), oid, ref: `refs/slipway/bases/${oid}` });
    return { repository, oid };
  }

  async submit(job: SubmitJobInput): Promise<JobView> {
    return (await this.client().call("submitJob", { body: job })).job;
  }

  async #start(name: "server" | PartOfBench, args: string[]): Promise<Record<string, unknown>> {
    const part = new Part(name, this.data, { args: () => args, environment: cleanEnvironment([]) }, SILENT);
    this.#parts.push(part);
    return await part.start().catch((error: Error) => {
      throw new Error(`${name}: ${error.message}`, { cause: error });
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const part of this.#parts.toReversed()) await part.stop();
    await rm(this.folder, { recursive: true, force: true, maxRetries: 3 });
  }
}
