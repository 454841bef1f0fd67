import type { ErrorCode } from "@slipway/protocol/errors";
import type { Provider } from "@slipway/protocol/gateway-config";
import type { StreamForm } from "../answer/stream-form.ts";
import type { AnswerFacts } from "../answer/usage.ts";
import type { RequestPlan } from "../request/request-plan.ts";

/** Where a request goes, below the provider's base address. */
export interface CallTarget {
  readonly path: string;
  /** Without its question mark; what the agent's own query says else is left out. */
  readonly query?: string;
  /** The model, where the protocol has it in the path and not in the body. */
  readonly model?: string;
  /** Whether the answer streams, where the path says so. */
  readonly stream?: boolean;
}

/** One kind of request to a model. */
export interface ModelApi {
  /** The request as people read it, such as `POST /<provider>/v1/responses`. */
  readonly way: string;
  /** Where a POST to this path, which begins behind the provider's name, goes; null where it is none of this kind. */
  target(path: string, query: URLSearchParams): CallTarget | null;
  /** Reads a request and applies the provider's lists to it. INVALID_REQUEST where it is no request of this kind at all. */
  plan(body: Buffer, provider: Provider, target: CallTarget): RequestPlan;
  /** What an answer that is no stream says of its own cost and ending; `answer` is parsed JSON. */
  readAnswer(answer: unknown): AnswerFacts;
  /** How its event streams tell the same; made anew for each, as it may keep what it has read. */
  streamForm(): StreamForm;
}

/** An error of the gateway's own, on its way to an agent. */
export interface OwnError {
  readonly code: ErrorCode;
  /** Begins with the code: of some agents the text alone comes back. */
  readonly message: string;
  readonly status: number;
}

/** What differs between the vendors' protocols. To add one, write a file with this and name it in `protocols.ts`. */
export interface VendorProtocol {
  readonly apis: readonly ModelApi[];
  /** The list of models. */
  readonly models: {
    /** Path behind the provider's name. */
    readonly path: string;
    /** Path behind the base address. */
    readonly vendorPath: string;
    /** It in the vendor's shape. */
    list(names: readonly string[], providerName: string): object;
    /** Whether a host is the vendor's own, whose models the table of prices names. */
    readonly host: RegExp;
    /** Names in the table of prices that are of this vendor. */
    readonly listed: RegExp;
  };
  /** The headers that carry the real key. */
  keyHeaders(key: string): Readonly<Record<string, string>>;
  /** Headers that every request of the gateway's own to the vendor must have. */
  readonly versionHeaders?: Readonly<Record<string, string>>;
  /** The body of an error of the gateway's own, in the vendor's shape. */
  error(error: OwnError): object;
}
