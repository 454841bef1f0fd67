import type { Client } from "@slipway/protocol/client";
import type { JobEvent } from "@slipway/protocol/events";
import type { JobState } from "@slipway/protocol/states";

/** A job that waited this long without a word is asked about; where the answer stays the same, nothing more is said. */
const QUIET_MS: Readonly<Partial<Record<JobState, number>>> = { queued: 3_000, integrating: 10_000 };
const AGAIN_MS = 10_000;

/** Who has to act, in words; one that this version does not know is named as the server does. */
const WHO: Readonly<Record<string, string>> = {
  you: "you",
  job: "another job",
  clock: "its time",
  repository: "its repository",
  worker: "a worker",
  integrator: "the integrator",
  server: "the server",
  nobody: "nobody",
};

/** Tells, in the words of `slipway explain`, whom a job waits for and why, once it has waited a while. */
export class WaitingNotes implements Disposable {
  readonly #client: Client;
  readonly #jobId: string;
  readonly #tell: (text: string) => void;
  readonly #ended = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #state: JobState = "queued";
  #told = "";

  constructor(client: Client, jobId: string, tell: (text: string) => void) {
    this.#client = client;
    this.#jobId = jobId;
    this.#tell = tell;
    this.#waitFor(QUIET_MS.queued);
  }

  see(event: JobEvent): void {
    if (event.kind === "state") this.#state = event.data.to;
    this.#waitFor(QUIET_MS[this.#state]);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#ended.abort();
  }

  #waitFor(ms: number | undefined): void {
    clearTimeout(this.#timer);
    if (ms === undefined || this.#ended.signal.aborted) return;
    // A server that does not answer is told of by whoever follows the events.
    this.#timer = setTimeout(() => void this.#ask().catch(() => undefined), ms);
  }

  async #ask(): Promise<void> {
    const asked = this.#state;
    const { state, owner, reason, unblock } = await this.#client.call("explainJob", { params: { job: this.#jobId }, signal: this.#ended.signal });
    if (this.#ended.signal.aborted || this.#state !== asked || state !== asked) return;
    if (reason !== this.#told) this.#tell(`${state}, waiting for ${WHO[owner] ?? owner}: ${reason} ${unblock}`);
    this.#told = reason;
    this.#waitFor(AGAIN_MS);
  }
}
