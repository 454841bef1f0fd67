import type { IncomingHttpHeaders } from "node:http";
import type { ModelRequest } from "./protocol.ts";

/** How an answer ended: sent whole, broken off by the client, or stopped by the scenario. */
export type AnswerEnd = "whole" | "dropped-by-client" | "stopped";

export interface RecordedRequest {
  /** 1 for the first. */
  readonly number: number;
  /** ms since the epoch, with a fraction: when its headers came. */
  readonly arrivedAtMs: number;
  readonly method: string;
  /** Path with query. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** Parsed JSON; the text itself where it is none; undefined where there is none. */
  readonly body: unknown;
  /** What was read from it; undefined where it was no request to the model. */
  readonly model: ModelRequest | undefined;
  readonly end: Promise<AnswerEnd>;
}

/** Every request that came, in order; whoever waits for the n-th is told when it is there. */
export class RequestLog {
  readonly #all: RecordedRequest[] = [];
  #waiting: Array<{ isFor: (request: RecordedRequest) => boolean; resolve: (request: RecordedRequest) => void }> = [];

  get all(): readonly RecordedRequest[] {
    return this.#all;
  }

  add(request: Omit<RecordedRequest, "number">): void {
    const recorded = { number: this.#all.length + 1, ...request };
    this.#all.push(recorded);
    const told = this.#waiting.filter(({ isFor }) => isFor(recorded));
    this.#waiting = this.#waiting.filter((waiter) => !told.includes(waiter));
    for (const { resolve } of told) resolve(recorded);
  }

  /** The first request that fits, from those that came or the next ones. It waits for as long as the caller does. */
  async first(isFor: (request: RecordedRequest) => boolean): Promise<RecordedRequest> {
    const known = this.#all.find(isFor);
    if (known) return known;
    const { promise, resolve } = Promise.withResolvers<RecordedRequest>();
    this.#waiting.push({ isFor, resolve });
    return await promise;
  }

  /** The n-th request, counted from 1. */
  async nth(number: number): Promise<RecordedRequest> {
    return await this.first((request) => request.number === number);
  }

  /** The n-th request to the model, counted from 1. */
  async nthModelCall(number: number): Promise<RecordedRequest> {
    return await this.first((request) => request.model !== undefined && this.modelCalls().indexOf(request) === number - 1);
  }

  modelCalls(): RecordedRequest[] {
    return this.#all.filter(({ model }) => model !== undefined);
  }
}
