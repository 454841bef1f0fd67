import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { Agent, type IncomingMessage, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { LEASE_RENEW_MS } from "@slipway/protocol/worker-api";
import { BenchStack } from "./bench-stack.ts";
import { EMPTY_SCRIPT, FakeWorker } from "./fake-worker.ts";
import { type Figure, figure, quantile } from "./figures.ts";
import { ModelProcess } from "./model-process.ts";

const MODEL = "scripted";
const WARM_UP = 20;
/** Between calls in the second round, in ms: an agent's next call comes when its tools have run, and every process on the way has gone to sleep by then. */
const PAUSE_MS = 10;
const FLOOD_BYTES = 32_000_000;
/** Pieces of text as small as a fast model sends them make the stream about ten times as long as its text. */
const FLOOD_DELTAS = 200_000;
/** Of USER_HZ, by proc(5): Linux shows times to user space in hundredths of a second. */
const TICK_MS = 10;

/**
 * What the gateway adds to a model request, with a real server behind it, where each call is reserved with the one before it, durable. Against going direct to
 * the same model server, turn and turn about in one run. And the CPU time that a streamed megabyte takes in the gateway, as a share of one core at 1 MB/s.
 */
export async function measureGateway(quick: boolean): Promise<Figure[]> {
  const folder = await mkdtemp(join(tmpdir(), "slipway-bench-model-"));
  try {
    const flood = { text: "flood", flood: { bytes: FLOOD_BYTES, deltas: FLOOD_DELTAS } };
    await using model = await ModelProcess.start(folder, { turns: [{ prompt: "flood", steps: [flood] }, { steps: [{ text: "Yes." }] }] });
    const provider = { baseUrl: `${model.baseUrl}/v1`, models: [MODEL] };
    await using stack = await BenchStack.start(["gateway"], { providers: { bench: provider } });
    using attempt = await Attempt.begin(stack);
    const direct = new Caller({ url: `${model.baseUrl}/v1` });
    const through = new Caller({ socketPath: stack.gatewaySocket, path: "/bench/v1", token: attempt.token });
    const rounds = quick ? 100 : 400;
    const requests = await compare("added to a model request", direct, through, { rounds, pauseMs: 0 });
    const apart = await compare("the same, calls 10 ms apart", direct, through, { rounds, pauseMs: PAUSE_MS });
    return [...requests, ...apart, ...(await streamFigures(stack, direct, through))];
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function compare(
  what: string,
  direct: Caller,
  through: Caller,
  { rounds, pauseMs }: { readonly rounds: number; readonly pauseMs: number },
): Promise<Figure[]> {
  const values = { direct: [] as number[], through: [] as number[] };
  for (let round = 0; round < WARM_UP + rounds; round += 1) {
    for (const [name, caller] of [["direct", direct] as const, ["through", through] as const]) {
      if (pauseMs > 0) await sleep(pauseMs);
      const startMs = performance.now();
      await caller.call("Yes or no?", false);
      if (round >= WARM_UP) values[name].push(performance.now() - startMs);
    }
  }
  const base = quantile(values.direct, 0.5);
  const added = values.through.map((ms) => ms - base);
  return [
    figure(`gateway: ${what}`, "ms", added, { of: "median", limit: 3, side: "below" }, "reserved at the server, durable, with the call before it"),
    figure("  direct", "ms", values.direct),
    figure("  through the gateway", "ms", values.through),
  ];
}

async function streamFigures(stack: BenchStack, direct: Caller, through: Caller): Promise<Figure[]> {
  const pid = stack.pidOf("gateway");
  await through.call("flood", true);
  const [startCpuMs, startMs] = [cpuMs(pid), performance.now()];
  const bytes = await through.call("flood", true);
  const [tookMs, usedMs] = [performance.now() - startMs, cpuMs(pid) - startCpuMs];
  const directStartMs = performance.now();
  await direct.call("flood", true);
  const directMs = performance.now() - directStartMs;
  const megabytes = bytes / 1e6;
  const note = `${(usedMs / megabytes).toFixed(1)} ms a megabyte; ${megabytes.toFixed(0)} MB in ${(tookMs / 1_000).toFixed(1)} s, direct ${(directMs / 1_000).toFixed(1)} s`;
  return [figure("gateway: CPU at a stream of 1 MB/s", "%", [usedMs / megabytes / 10], { of: "median", limit: 1, side: "below" }, note)];
}

/** User and system time of a process so far. */
function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
    .replace(/^.*\) /, "")
    .split(" ");
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

/** A claimed job's token for model calls, good for as long as this lives: its lease is renewed until then. */
class Attempt implements Disposable {
  readonly token: string;
  readonly #timer: NodeJS.Timeout;

  private constructor(token: string, timer: NodeJS.Timeout) {
    this.token = token;
    this.#timer = timer;
  }

  static async begin(stack: BenchStack): Promise<Attempt> {
    const { repository, oid } = await stack.repository(1);
    const client = stack.client("worker");
    const worker = new FakeWorker(client);
    await worker.register();
    await stack.submit({ repo: repository.id, task: "bench", base: oid, backendConfig: EMPTY_SCRIPT });
    const claim = await worker.claim(30_000);
    if (!claim?.model) throw new Error("the claim has no token for model calls");
    const params = { job: claim.job.id, fence: claim.fence };
    // A renewal that fails shows at the next model call.
    const renew = (): void => void client.call("renew", { params, body: {} }).catch(() => undefined);
    return new Attempt(claim.model.token, setInterval(renew, LEASE_RENEW_MS));
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}

interface Target {
  readonly url?: string;
  readonly socketPath?: string;
  readonly path?: string;
  readonly token?: string;
}

/** Calls the Responses API over one connection that is kept. */
class Caller {
  readonly #target: Target;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });

  constructor(target: Target) {
    this.#target = target;
  }

  /** Resolves with the length of the answer, in bytes. */
  async call(prompt: string, stream: boolean): Promise<number> {
    const { url, socketPath, path = "", token = "none" } = this.#target;
    const headers = { "content-type": "application/json", authorization: `Bearer ${token}` };
    const options = { method: "POST", agent: this.#agent, headers };
    const asking = url === undefined ? request({ ...options, socketPath, path: `${path}/responses` }) : request(`${url}/responses`, options);
    asking.end(JSON.stringify({ model: MODEL, stream, input: [{ type: "message", role: "user", content: prompt }] }));
    const answer = await new Promise<IncomingMessage>((resolve, reject) => asking.once("response", resolve).once("error", reject));
    let bytes = 0;
    let text = "";
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (answer.statusCode !== 200) text += chunk.toString();
    }
    if (answer.statusCode !== 200) throw new Error(`${answer.statusCode}: ${text.slice(0, 500)}`);
    return bytes;
  }
}
