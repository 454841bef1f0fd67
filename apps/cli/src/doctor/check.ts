import type { SandboxKind } from "@slipway/protocol/sandbox-kind";

/** One thing that doctor looked at. */
export interface Check {
  readonly group: string;
  readonly name: string;
  readonly ok: boolean;
  /** A failing required check makes doctor end with 1. */
  readonly required: boolean;
  readonly tried: string;
  readonly found: string;
  /** What does not work without it. */
  readonly lost: string;
  /** What to type; null where it is ok. */
  readonly remedy: string | null;
}

export interface DoctorOptions {
  readonly data: string;
  readonly sandbox: SandboxKind;
  /** The worker's token, where it is not the data folder's. */
  readonly tokenFile?: string;
  /** The folder with the gateway's socket, where it is not the data folder's. */
  readonly gatewayFolder?: string;
}

/** A check from its parts; the remedy counts only where it failed. */
export function check(
  group: string,
  name: string,
  ok: boolean,
  rest: { tried: string; found: string; lost: string; remedy: string; required?: boolean },
): Check {
  const { remedy, required, ...others } = rest;
  return { group, name, ok, required: required ?? false, ...others, remedy: ok ? null : remedy };
}
