import type { FileDiff } from "@slipway/git/diff";
import type { ChecksConfig } from "@slipway/protocol/checks";
import type { Gate } from "@slipway/protocol/gates";

/** Something that a check has to say of a change. */
export interface Finding {
  /** Missing where it is about the change as a whole. */
  readonly path?: string;
  readonly line?: number;
  /** One sentence: what is there, and why that is one. */
  readonly message: string;
  /** Where it is only worth telling, whatever the check's level. */
  readonly level?: "warning";
}

/** What a check looks at. */
export interface CheckInput {
  readonly files: readonly FileDiff[];
  readonly config: ChecksConfig;
  readonly gates: readonly Gate[];
  /** The tests of the changed tree, whether the change touches them or not; some hundreds at most. Read when it is called. */
  tests(): Promise<ReadonlyArray<{ readonly path: string; readonly text: string }>>;
}

/** One check: the same change always has the same findings. */
export type Check = (input: CheckInput) => readonly Finding[] | Promise<readonly Finding[]>;

/** A path as it is shown: without what would break a line. */
export function shownPath(path: string): string {
  return path.replace(/[\u0000-\u001f\u007f]/g, "�").slice(0, 300);
}
