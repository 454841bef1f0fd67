import type { JobEvent } from "@slipway/protocol/events";
import { isFinal } from "@slipway/protocol/states";

/** What is wrong with a job's whole record of events: nothing may be lost, repeated or out of its order, whatever was killed. Empty where it is sound. */
export function complaintsAbout(events: readonly JobEvent[]): string[] {
  return [...numbering(events), ...states(events), ...fencesOf(events).flatMap((fence) => attempt(events, fence))];
}

/** Numbered lines of a log stream of one attempt, as `line <number>` and some filling, in the order in which they came. */
export function numberedLines(events: readonly JobEvent[], stream: string, fence: number): number[] {
  const chunks = events.flatMap((event) => (event.kind === "log" && event.fence === fence && event.data.stream === stream ? [event.data.text] : []));
  return [...chunks.join("").matchAll(/^line (\d+)\b/gm)].map((match) => Number(match[1]));
}

function fencesOf(events: readonly JobEvent[]): number[] {
  return [...new Set(events.flatMap(({ fence }) => fence ?? []))];
}

function numbering(events: readonly JobEvent[]): string[] {
  return events.flatMap(({ seq }, index) => (seq === index + 1 ? [] : [`event ${index + 1} has the number ${seq}`]));
}

/** Every move begins where the one before ended, and the final state is the last word, said once. */
function states(events: readonly JobEvent[]): string[] {
  const moves = events.flatMap((event) => (event.kind === "state" ? [event.data] : []));
  const torn = moves.flatMap(({ from, to }, index) =>
    from === (moves[index - 1]?.to ?? null) ? [] : [`a move from ${from} to ${to} after ${moves[index - 1]?.to}`],
  );
  const finals = moves.filter(({ to }) => isFinal(to)).length;
  return [...torn, ...(finals === 1 ? [] : [`${finals} final states`]), ...(events.at(-1)?.kind === "state" ? [] : ["the final state is not the last event"])];
}

function attempt(events: readonly JobEvent[], fence: number): string[] {
  const own = events.filter((event) => event.fence === fence);
  return [...twice(own), ...streams(own)].map((complaint) => `attempt ${fence}: ${complaint}`);
}

/** What an attempt tells once: each of its turns, checks and calls of a tool, each gate of a round, and each phase between two turns. */
function twice(events: readonly JobEvent[]): string[] {
  let turns = 0;
  const keys = events.flatMap((event) => {
    if (event.kind === "turn" && event.data.status === "started") turns += 1;
    if (event.kind === "phase") return [`phase ${event.data.phase} ${event.data.status} after ${turns} turns`];
    if (event.kind === "turn") return [`turn ${event.data.turn} ${event.data.status}`];
    if (event.kind === "gate") return [`gate ${event.data.name} ${event.data.round} ${event.data.status}`];
    if (event.kind === "check") return [`check ${event.data.name}`];
    if (event.kind === "tool-call" || event.kind === "tool-result") return [`${event.kind} ${event.data.callId}`];
    return [];
  });
  const repeated = new Set(keys.filter((key, index) => keys.indexOf(key) !== index));
  return [...repeated].map((key) => `${key} was told ${keys.filter((other) => other === key).length} times`);
}

/** The chunks of a stream lie end to end. */
function streams(events: readonly JobEvent[]): string[] {
  const ends = new Map<string, number>();
  return events.flatMap((event) => {
    if (event.kind !== "log") return [];
    const { stream, offset, text, encoding } = event.data;
    const end = ends.get(stream) ?? 0;
    ends.set(stream, offset + Buffer.byteLength(text, encoding));
    return offset === end ? [] : [`a chunk of ${stream} begins at ${offset}, not at ${end}`];
  });
}
