import { toSlipwayError } from "@slipway/protocol/errors";
import type { SandboxProbe } from "./sandbox-probe.ts";

const ANSWER_LIMIT_MS = 10_000;

/** Whether a container engine answers; what was found is its version. The worker itself tries a container, and says what is wrong with that. */
export async function probeEngine(): Promise<SandboxProbe> {
  const { answerWithin, connectEngine, engineAddress } = await import("@slipway/images/engine/engine");
  const tried = `GET /version of ${engineAddress()}`;
  try {
    const engine = await connectEngine(ANSWER_LIMIT_MS);
    const { Version } = await answerWithin(ANSWER_LIMIT_MS, engine.version());
    return { ok: true, tried, found: `engine ${Version}` };
  } catch (error) {
    return { ok: false, tried, found: toSlipwayError(error).message.replace(/\.$/, "") };
  }
}
