import type { Cassette, CassetteCall } from "@slipway/protocol/cassette";
import { SlipwayError } from "@slipway/protocol/errors";
import { normalForm } from "./normal-form.ts";
import { shortDiff } from "./short-diff.ts";

/** What an agent asks, its secrets masked. */
export type TapeRequest = Pick<CassetteCall, "provider" | "model" | "path" | "request">;

const HINT =
  "The replay needs what the recording had: the same agent in the same release, its configuration, the commit and its tools. Else record anew: `slipway run --record`.";

/** A cassette that is being played: each call is taken once, in the order of the recording; calls that ran beside each other may come in any order. */
export class Tape {
  readonly #from: Cassette["from"];
  /** In the order in which they began; null where played. */
  readonly #calls: Array<CassetteCall | null>;
  readonly #forms = new Map<CassetteCall, readonly string[]>();

  /** `played`: how many calls of the attempt an earlier process of the gateway has answered. */
  constructor({ from, calls }: Cassette, played: number) {
    this.#from = from;
    const order = calls.toSorted((one, other) => one.startedAt - other.startedAt || (one.callId < other.callId ? -1 : 1));
    this.#calls = order.map((call, index) => (index < played ? null : call));
  }

  /** The recorded call that answers this one. CASSETTE_MISMATCH where none does, with what differs in its message. */
  take(asked: TapeRequest): CassetteCall {
    const next = this.#next();
    const form = formOf(asked);
    const found = next.find((call) => sameLines(this.#formOf(call), form));
    if (!found) throw this.#mismatch(asked, form, next);
    this.#calls[this.#calls.indexOf(found)] = null;
    this.#forms.delete(found);
    return found;
  }

  /** Those that may come now: the first that was not played, and what began before all in front of it had ended. */
  #next(): CassetteCall[] {
    const next: CassetteCall[] = [];
    let firstEnd = Number.POSITIVE_INFINITY;
    for (const call of this.#calls) {
      if (!call) continue;
      if (call.startedAt >= firstEnd) break;
      next.push(call);
      firstEnd = Math.min(firstEnd, call.endedAt);
    }
    return next;
  }

  #mismatch(asked: TapeRequest, form: readonly string[], next: readonly CassetteCall[]): SlipwayError {
    const { jobId, number, fence } = this.#from;
    const of = `the cassette of job ${number}, attempt ${fence}`;
    const count = this.#calls.length;
    const details = { job: jobId, attempt: fence, calls: count, provider: asked.provider, model: asked.model, path: asked.path, hint: HINT };
    const expected = next.find(({ path, model }) => path === asked.path && model === asked.model) ?? next[0];
    if (!expected) {
      const message = `The agent asks for more than is recorded: ${of}, has ${calls(count)}, and this is one more (${asked.provider}${asked.path}, ${asked.model}).`;
      return new SlipwayError("CASSETTE_MISMATCH", message, { ...details, call: count + 1, ranOut: true });
    }
    const index = this.#calls.indexOf(expected) + 1;
    const diff = shortDiff(this.#formOf(expected), form);
    const message = `Call ${index} of ${count} on ${of}, is not what the agent asks now (- recorded, + asked now):\n${diff.join("\n")}`;
    return new SlipwayError("CASSETTE_MISMATCH", message, { ...details, call: index });
  }

  #formOf(call: CassetteCall): readonly string[] {
    let form = this.#forms.get(call);
    if (!form) {
      form = formOf(call);
      this.#forms.set(call, form);
    }
    return form;
  }
}

function formOf({ provider, model, path, request }: TapeRequest): string[] {
  return [`POST ${provider}${path}`, `model ${model}`, ...normalForm(request)];
}

function sameLines(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((line, index) => line === other[index]);
}

function calls(count: number): string {
  return `${count} ${count === 1 ? "call" : "calls"}`;
}
