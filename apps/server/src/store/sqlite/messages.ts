import { ERRORS, isErrorCode, SlipwayError, toSlipwayError } from "@slipway/protocol/errors";
import type { OperationName } from "./operations.ts";

/** What crosses the port between the proxy and the store's thread. Values are copied by the structured clone. */

export interface Call {
  readonly id: number;
  readonly name: OperationName;
  readonly args: unknown[];
}

/** An error as plain data: a class does not survive the way between threads. */
export interface WireError {
  readonly code: string;
  readonly message: string;
  readonly details: Record<string, unknown>;
}

export type Reply = { readonly id: number; readonly value: unknown } | { readonly id: number; readonly error: WireError };

export type ToThread = { readonly type: "calls"; readonly calls: Call[] } | { readonly type: "close" };
export type FromThread =
  | { readonly type: "ready"; readonly installationId: string }
  | { readonly type: "refused"; readonly error: WireError }
  | { readonly type: "replies"; readonly replies: Reply[] };

// SHMSIZE is how a full disk shows when the WAL's index has to grow.
const FULL = ["SQLITE_FULL", "SQLITE_IOERR_SHMSIZE", "ENOSPC"];
const TAKEN = ["SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_PRIMARYKEY"];

export function toWire(error: unknown): WireError {
  const known = asSlipwayError(error);
  return { code: known.code, message: known.message, details: { ...known.details } };
}

function asSlipwayError(error: unknown): SlipwayError {
  const code = (error as { code?: unknown } | undefined)?.code;
  if (typeof code !== "string") return toSlipwayError(error);
  const cause = error instanceof Error ? error.message : code;
  if (FULL.includes(code)) return new SlipwayError("DISK_FULL", undefined, { cause });
  if (TAKEN.includes(code)) return new SlipwayError("CONFLICT", `${ERRORS.CONFLICT.message} (${cause})`, { cause });
  return toSlipwayError(error);
}

export function fromWire(error: WireError): SlipwayError {
  const code = isErrorCode(error.code) ? error.code : "INTERNAL";
  return new SlipwayError(code, error.message, error.details);
}
