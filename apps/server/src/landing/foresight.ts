import { type PredictedConflict, predictedText, REVISION_LIMITS } from "@slipway/protocol/revisions";
import type { ControlPlane } from "../control-plane.ts";
import { predictedConflicts } from "./predicted-conflicts.ts";

/**
 * Looks for conflicts ahead whenever a change has come on its way to a target, or the target has moved: one target at a time, behind whoever asked, and once more
 * for all that was asked meanwhile. Jobs are told; nothing waits for it, and what it could not do is done with the next change.
 */
export class Foresight {
  readonly #plane: ControlPlane;
  readonly #wanted = new Map<string, { readonly repoId: string; readonly target: string }>();
  #looking: Promise<void> | undefined;

  constructor(plane: ControlPlane) {
    this.#plane = plane;
  }

  /** Has a target looked at. */
  look(repoId: string, target: string): void {
    if (this.#plane.closing.aborted) return;
    this.#wanted.set(`${repoId} ${target}`, { repoId, target });
    this.#looking ??= this.#lookAtAll().finally(() => {
      this.#looking = undefined;
    });
  }

  /** Resolves when all that was asked for has been looked at. */
  async settled(): Promise<void> {
    while (this.#looking) await this.#looking;
  }

  async #lookAtAll(): Promise<void> {
    for (;;) {
      const [next] = this.#wanted;
      if (!next || this.#plane.closing.aborted) return;
      const [key, { repoId, target }] = next;
      this.#wanted.delete(key);
      try {
        await tellForeseen(this.#plane, repoId, target);
      } catch (error) {
        if (!this.#plane.closing.aborted) this.#plane.log.warn({ err: error, repoId, target }, "conflicts ahead could not be looked for");
      }
    }
  }
}

/** Keeps with each job what is foreseen for it, and warns of what is new. */
async function tellForeseen(plane: ControlPlane, repoId: string, target: string): Promise<void> {
  const { changes, pairs } = await predictedConflicts(plane, repoId, target, plane.closing);
  for (const { jobId, number, withTarget } of changes) {
    const others = pairs.flatMap(({ first, second, paths }): PredictedConflict[] => {
      if (first !== number && second !== number) return [];
      return [{ job: first === number ? second : first, target, paths: paths.slice(0, REVISION_LIMITS.paths) }];
    });
    const own: PredictedConflict[] = withTarget.length === 0 ? [] : [{ job: null, target, paths: withTarget.slice(0, REVISION_LIMITS.paths) }];
    const predicted = [...own, ...others];
    const warning = predicted.length === 0 ? null : `Foreseen: its change ${predicted.map(predictedText).join("; and ")}.`;
    if (await plane.store.predictConflicts(jobId, predicted, warning)) plane.events.changed(jobId, "events");
  }
}
