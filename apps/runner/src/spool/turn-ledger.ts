import { openSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { TurnResult } from "@slipway/protocol/runner-protocol";

interface Entry {
  readonly turnId: string;
  /** Missing where the turn was only begun. */
  readonly result?: TurnResult;
}

const LOST: TurnResult = {
  status: "failed",
  failure: { code: "RUNNER_LOST", message: "The runner that began this turn ended before it.", details: {} },
};

/** Which turns were begun and how they ended, on disk before anything else knows: no turn id is ever begun twice. */
export class TurnLedger {
  /** Open from the start on: no turn waits for it. */
  readonly #file: number;
  readonly #results = new Map<string, TurnResult>();

  constructor(folder: string) {
    const path = join(folder, "turns.jsonl");
    for (const { turnId, result } of readEntries(path)) this.#results.set(turnId, result ?? LOST);
    this.#file = openSync(path, "a", 0o600);
  }

  /** The result of a turn that is over; a turn that an earlier runner began counts as over. */
  resultOf(turnId: string): TurnResult | undefined {
    return this.#results.get(turnId);
  }

  begin(turnId: string): void {
    this.#write({ turnId });
  }

  finish(turnId: string, result: TurnResult): void {
    this.remember(turnId, result);
    this.#write({ turnId, result });
  }

  /** For a result that the disk does not take. */
  remember(turnId: string, result: TurnResult): void {
    this.#results.set(turnId, result);
  }

  #write(entry: Entry): void {
    const bytes = Buffer.from(`${JSON.stringify(entry)}\n`);
    for (let at = 0; at < bytes.length; ) at += writeSync(this.#file, bytes, at);
  }
}

function readEntries(path: string): Entry[] {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    // The first runner in this folder.
    return [];
  }
  return text.split("\n").flatMap((line) => {
    try {
      return line === "" ? [] : [JSON.parse(line) as Entry];
    } catch {
      // A line that was torn when the runner was killed: the turn that it was about has its beginning above.
      return [];
    }
  });
}
