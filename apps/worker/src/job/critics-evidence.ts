import { readDiff, readTexts } from "@slipway/git/diff";
import type { CriticAnswer } from "@slipway/protocol/critic";
import { SlipwayError } from "@slipway/protocol/errors";
import type { AttemptContext } from "../attempt/context.ts";
import { type LineCount, plainPath } from "../critic/weigh-answer.ts";
import type { GateResult } from "./gates.ts";
import type { Task } from "./task.ts";

/** Files that an answer may name beside those of the change. */
const NAMED_FILES = 300;

/** What the gates of the last round came to, a line each, without times: the same again is the same question. */
export async function gateEvidence({ journal }: AttemptContext, { config, progress }: Task): Promise<string[]> {
  if (config.gates.length === 0) return ["the repository has no gates: nothing was run"];
  return await Promise.all(
    config.gates.map(async ({ name }) => {
      const key = `gate-${progress.round}-${name}`;
      if (!journal.has(key)) return `the gate ${name} was not run`;
      const { command, passed, flaky } = await journal.step<GateResult>(key, () => Promise.reject(new SlipwayError("INTERNAL", `The journal lost ${key}.`)));
      return `the gate ${name} (\`${command.slice(0, 300)}\`) ${passed ? "passed" : "failed"}${flaky ? ", when it was run again" : ""}`;
    }),
  );
}

/** Counts the lines of the files that an answer names, as they are in the change's commit: in git's objects, and nowhere else. Of a deleted file, as it was. */
export function lineCounter({ claim, signal }: AttemptContext, { repository }: Task, oid: string): (answer: CriticAnswer) => Promise<LineCount> {
  return async (answer) => {
    const places = [...answer.criteria.flatMap(({ evidence }) => evidence.map(({ file }) => file)), ...answer.findings.map(({ file }) => file)];
    const named = new Set(places.filter((file) => typeof file === "string").map(plainPath));
    const counts = new Map<string, number>();
    if (named.size === 0) return () => undefined;
    for (const { path, text } of await readTexts(repository, { oid, signal, limit: NAMED_FILES, isWanted: (path) => named.has(path) })) {
      counts.set(path, linesIn(text));
    }
    for (const { path, status, before, isBinary, isTooLarge } of await readDiff(repository, { baseOid: claim.job.baseOid, oid, signal })) {
      if (isTooLarge) counts.set(path, Number.MAX_SAFE_INTEGER);
      else if (isBinary) counts.set(path, 1);
      else if (status === "deleted") counts.set(path, linesIn(before ?? ""));
    }
    return (file) => counts.get(file);
  };
}

/** An empty file has a line to point at, too. */
function linesIn(text: string): number {
  return Math.max(1, text.split("\n").length - (text.endsWith("\n") ? 1 : 0));
}
