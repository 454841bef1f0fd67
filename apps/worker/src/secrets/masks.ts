import type { AppendableEvent } from "@slipway/protocol/events";
import { createMatcher, type Matcher, Redactor, redactJson, redactText } from "@slipway/redact/redactor";
import { secretPatterns } from "@slipway/redact/secret-patterns";

/**
 * Masks what leaves an attempt by any way but its turns, which the runner masks itself: an agent may have left a secret where a setup command, a gate or
 * git prints it. Values are learnt as they are read and never forgotten in the attempt: what an earlier turn got may still be printed after a change.
 */
export class Masks {
  readonly #values = new Set<string>();
  #matcher: Matcher = createMatcher([]);

  constructor(values: Iterable<string> = []) {
    this.learn(values);
  }

  learn(values: Iterable<string>): void {
    const known = this.#values.size;
    for (const value of values) this.#values.add(value);
    if (this.#values.size > known) this.#matcher = createMatcher(secretPatterns(this.#values));
  }

  /** For one stream of bytes that comes in pieces. */
  stream(): Redactor {
    return new Redactor(this.#matcher);
  }

  bytes(bytes: Uint8Array): Buffer {
    const stream = this.stream();
    return Buffer.concat([stream.push(bytes), stream.end()]);
  }

  text(text: string): string {
    return redactText(this.#matcher, text);
  }

  /** Message and details of a failure; its code is no text. */
  failure<T extends { readonly message: string; readonly details: Readonly<Record<string, unknown>> }>(failure: T): T {
    return { ...failure, message: this.text(failure.message), details: redactJson(this.#matcher, failure.details) as Record<string, unknown> };
  }

  /** The free texts of a worker's own event. Names and numbers stay: a secret that looks like one must not make an event that no server takes. */
  event(event: AppendableEvent): AppendableEvent {
    if (event.kind === "notice") return { ...event, data: { ...event.data, text: this.text(event.data.text) } };
    if (event.kind === "check") return { ...event, data: { ...event.data, findings: event.data.findings.map((finding) => this.text(finding)) } };
    // A name can carry a secret out, at least to whoever reads the events.
    if (event.kind === "egress") {
      const { host, reason } = event.data;
      return { ...event, data: { ...event.data, host: this.text(host).slice(0, 253), ...(reason === undefined ? {} : { reason: this.text(reason) }) } };
    }
    if (event.kind === "phase" && event.data.detail !== undefined) return { ...event, data: { ...event.data, detail: this.text(event.data.detail) } };
    return event;
  }
}
