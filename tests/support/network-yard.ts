import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";

/** Why no network can be made here; undefined where one can. */
export function whyNoNetwork(): string | undefined {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return "only root of a Linux may make networks";
  try {
    execFileSync("ip", ["netns", "list"], { stdio: "pipe" });
    return undefined;
  } catch (error) {
    return `ip of iproute2 does not work: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** A server that says `hello` to whoever connects. */
const HELLO = 'require("node:net").createServer((s) => s.end("hello")).listen(0, "0.0.0.0", function () { console.log(this.address().port); })';

/** A bridge of this machine, as an engine has one, and a network namespace beside it, with a listener of its own. Both are gone with it. */
export class NetworkYard implements AsyncDisposable {
  /** This machine's address on the bridge. */
  readonly bridgeAddress: string;
  /** Where the listener in the other namespace is. */
  readonly farAddress: string;
  readonly farPort: number;
  readonly #links: readonly string[];
  readonly #namespace: string;
  readonly #listener: ChildProcess;

  private constructor(numbers: Numbers, listener: ChildProcess, farPort: number) {
    this.bridgeAddress = `${numbers.net}.1`;
    this.farAddress = `${numbers.net}.2`;
    this.farPort = farPort;
    this.#links = [numbers.bridge, numbers.near];
    this.#namespace = numbers.namespace;
    this.#listener = listener;
  }

  static async make(): Promise<NetworkYard> {
    const numbers = numbersOf(process.pid);
    const { bridge, near, far, namespace, net } = numbers;
    ip("netns", "add", namespace);
    ip("link", "add", bridge, "type", "bridge");
    ip("addr", "add", `${net}.1/24`, "dev", bridge);
    ip("link", "add", near, "type", "veth", "peer", "name", far);
    ip("link", "set", near, "master", bridge);
    ip("link", "set", far, "netns", namespace);
    ip("-n", namespace, "addr", "add", `${net}.2/24`, "dev", far);
    ip("-n", namespace, "link", "set", far, "up");
    for (const link of [bridge, near]) ip("link", "set", link, "up");
    const listener = spawn("ip", ["netns", "exec", namespace, process.execPath, "-e", HELLO], { stdio: ["ignore", "pipe", "inherit"] });
    if (!listener.stdout) throw new Error("the listener has no output");
    const [line] = (await once(listener.stdout, "data")) as [Buffer];
    return new NetworkYard(numbers, listener, Number(line.toString()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const gone = once(this.#listener, "exit");
    this.#listener.kill("SIGKILL");
    await gone;
    for (const link of this.#links) ip("link", "delete", link);
    ip("netns", "delete", this.#namespace);
  }
}

interface Numbers {
  readonly bridge: string;
  readonly near: string;
  readonly far: string;
  readonly namespace: string;
  /** The first three numbers of its addresses. */
  readonly net: string;
}

/** Of this process alone; an interface's name has fifteen letters at most. */
function numbersOf(pid: number): Numbers {
  return { bridge: `swb${pid}`, near: `swn${pid}`, far: `swf${pid}`, namespace: `slipway-test-${pid}`, net: `10.215.${pid % 250}` };
}

function ip(...args: string[]): void {
  execFileSync("ip", args, { stdio: "pipe" });
}
