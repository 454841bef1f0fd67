import { randomBytes } from "node:crypto";

/** A random id with a prefix, as vendors make them. */
export function randomId(prefix: string): string {
  return `${prefix}${randomBytes(12).toString("hex")}`;
}

/** An id that tells the step in which the model made the call, so that the server needs no memory to know where a conversation stands. */
export function callIdOf(step: number): string {
  return randomId(`call_s${step}_`);
}

/** The step of the next answer, from the ids of the calls that have results since the user's last text. Ids of others count one step each. */
export function stepAfter(callIds: ReadonlyArray<string | undefined>): number {
  let foreign = 0;
  let next = 0;
  for (const id of callIds) {
    const step = /^call_s(\d+)_/.exec(id ?? "")?.[1];
    if (step === undefined) foreign += 1;
    else next = Math.max(next, Number(step) + 1);
  }
  return next + foreign;
}
