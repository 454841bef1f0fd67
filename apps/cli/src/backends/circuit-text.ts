import type { Circuit } from "@slipway/protocol/routing";
import { duration, printable } from "../terminal/text.ts";

/** Why a backend gets no jobs where its circuit is open, and for how long yet. */
export function circuitText({ place, state, faults, code, message, openUntil, canary }: Circuit): string {
  const leftMs = openUntil - Date.now();
  const next =
    state === "trying" && canary
      ? `job ${canary.number} tries it now`
      : leftMs > 0
        ? `the next job is let through in ${duration(leftMs)}`
        : "the next job is let through";
  return `paused on ${printable(place)}: it failed${faults === 1 ? "" : ` ${faults} times in a row`}, the last time with ${code}: ${printable(message)} ${next}.`;
}
