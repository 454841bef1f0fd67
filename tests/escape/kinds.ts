import { isIsolated } from "../sandbox/bench.ts";
import { KINDS } from "../sandbox/kinds.ts";
import { testImage } from "../support/docker-image.ts";
import type { StackOptions } from "../support/stack.ts";

type Isolated = "bwrap" | "docker";

/** The sandboxes that are to hold an agent, as far as this machine has them. */
export const ISOLATED: readonly Isolated[] = KINDS.filter((kind): kind is Isolated => isIsolated(kind));

/** What a stack needs to run its jobs in one of them. */
export async function stackOf(kind: Isolated): Promise<Pick<StackOptions, "sandbox" | "workerFlags">> {
  return kind === "docker" ? { sandbox: kind, workerFlags: ["--image", await testImage()] } : { sandbox: kind };
}
