import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { TRIAL_LABEL } from "../labels.ts";
import { AGENT_UID, HOME_IN_IMAGE, NODE_IN_IMAGE, RUNNER_IN_IMAGE } from "../layout.ts";
import { type Engine, engineError } from "./engine.ts";

/** How a command in a container ended. */
export interface Trial {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

const LIMIT_MS = 60_000;
/** As timeout(1) has it. */
const LATE = 124;

/** Asks the runner of an image, as a sandbox would run it: as the agent's user, without network and capabilities, its root read-only. */
export async function tryRunner(engine: Engine, reference: string, command: "describe" | "probe"): Promise<Trial> {
  return await tryCommand(engine, reference, [NODE_IN_IMAGE, "--disable-sigusr1", RUNNER_IN_IMAGE, command]);
}

/** Runs a command in a container that goes when it has ended, or after a minute. */
export async function tryCommand(engine: Engine, reference: string, command: readonly string[]): Promise<Trial> {
  try {
    const container = await engine.createContainer({
      ...{ Image: reference, Cmd: [...command], User: `${AGENT_UID}:${AGENT_UID}`, Labels: { [TRIAL_LABEL]: reference } },
      HostConfig: {
        ...{ NetworkMode: "none", ReadonlyRootfs: true, Init: true, CapDrop: ["ALL"], SecurityOpt: ["no-new-privileges"], PidsLimit: 256 },
        Tmpfs: { "/tmp": "mode=1777", [HOME_IN_IMAGE]: `uid=${AGENT_UID},gid=${AGENT_UID},mode=0700` },
      },
    });
    try {
      const stream = await container.attach({ stream: true, stdout: true, stderr: true });
      const [stdout, stderr] = [new PassThrough(), new PassThrough()];
      engine.modem.demuxStream(stream, stdout, stderr);
      stream.once("end", () => {
        stdout.end();
        stderr.end();
      });
      const said = Promise.all([text(stdout), text(stderr)]);
      await container.start();
      const late = AbortSignal.timeout(LIMIT_MS);
      const exitCode = await container.wait({ abortSignal: late }).then(
        ({ StatusCode }: { StatusCode: number }) => StatusCode,
        async (error: unknown) => {
          if (!late.aborted) throw error;
          await container.kill();
          return LATE;
        },
      );
      const [out, err] = await said;
      return { exitCode, stdout: out, stderr: exitCode === LATE ? `${err}\nno answer within ${LIMIT_MS} ms` : err };
    } finally {
      await container.remove({ force: true, v: true });
    }
  } catch (error) {
    throw engineError(error);
  }
}
