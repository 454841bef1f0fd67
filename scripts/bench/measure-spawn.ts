import { defaultImages } from "@slipway/images/engine/choose-image";
import { openEngine } from "@slipway/images/engine/engine";
import type { SandboxKind } from "@slipway/protocol/sandbox-kind";
import { probeBubblewrap } from "../../apps/cli/src/stack/sandbox-probe.ts";
import { findImage } from "../../apps/worker/src/sandbox/docker/image.ts";
import { BenchStack } from "./bench-stack.ts";
import { type Figure, figure } from "./figures.ts";
import { INSTALL_ROOT, VERSION } from "./measure-docker.ts";

const FILES = 50_000;
const QUICK_FILES = 5_000;
const ROUNDS = 12;

/** From the claim, as the server has it, to the agent's process, with the workspace that is made meanwhile; the machine as it is between two jobs. */
export async function measureSpawn(quick: boolean): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const sandbox of await kinds()) figures.push(await measureIn(sandbox, quick));
  return figures;
}

async function kinds(): Promise<SandboxKind[]> {
  const docker = await findImage(await openEngine(), defaultImages(VERSION), INSTALL_ROOT).then(
    () => ["docker"] as const,
    () => [],
  );
  return [...((await probeBubblewrap()).ok ? (["bwrap"] as const) : []), ...docker];
}

async function measureIn(sandbox: SandboxKind, quick: boolean): Promise<Figure> {
  const files = quick ? QUICK_FILES : FILES;
  await using stack = await BenchStack.start(["worker", "integrator"], undefined, sandbox);
  const { repository, oid } = await stack.repository(files);
  const values: number[] = [];
  for (let round = 0; round <= (quick ? 4 : ROUNDS); round += 1) {
    // The clock that all of the machine share, in ns.
    const script = { turns: [[{ shell: "date +%s%N" }, { write: { path: "src/new.txt", content: `round ${round}\n` } }]] };
    const { id } = await stack.submit({ repo: repository.id, task: `bench ${round}`, base: oid, backendConfig: { script } });
    const ms = await spawnMs(stack, id);
    // The first one has the base made.
    if (round > 0) values.push(ms);
  }
  const name = `${sandbox}: claim → agent spawned, ${files / 1_000},000 files`;
  return figure(name, "ms", values, { of: "median", limit: 100, side: "below" }, "with its workspace");
}

async function spawnMs(stack: BenchStack, id: string): Promise<number> {
  const client = stack.client();
  let told = "";
  for await (const frame of client.follow(id))
    if (frame.type === "event" && frame.event.kind === "log" && frame.event.data.stream === "stdout") told += frame.event.data.text;
  const { job, attempts } = await client.call("getJob", { params: { job: id } });
  if (job.state !== "done" || !attempts[0]) throw new Error(`a job of the bench is ${job.state} ${job.failure?.code ?? ""} ${job.failure?.message ?? ""}`);
  return Number(told) / 1e6 - attempts[0].startedAt;
}
