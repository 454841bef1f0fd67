import { z } from "zod";

/** Below are the ports of the system, for which a program needs rights. */
const LOWEST = 1_024;
const HIGHEST = 65_535;
/** Below what systems give to connections by themselves: 32768 and up on Linux, 49152 on macOS. */
export const DEFAULT_PORTS = "20000-29999";
const FORM = /^(\d{4,5})-(\d{4,5})$/;

/** Ports from `first` to `last`, both included. */
export interface PortRange {
  readonly first: number;
  readonly last: number;
}

/** A range of ports as people write it, such as `20000-29999`. */
export const portRangeSchema = z
  .string()
  .refine((text) => parsePortRange(text) !== undefined, `expected two ports from ${LOWEST} to ${HIGHEST}, the lower one first, such as 20000-29999`);

/** The ports that a text such as `20000-29999` names; undefined where it is no such text. */
export function parsePortRange(text: string): PortRange | undefined {
  const [, first, last] = (FORM.exec(text) ?? []).map(Number);
  if (first === undefined || last === undefined || first < LOWEST || last > HIGHEST || first > last) return undefined;
  return { first, last };
}
