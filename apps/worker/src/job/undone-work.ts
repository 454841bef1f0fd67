import { readTexts } from "@slipway/git/diff";
import type { WorkerRepository } from "@slipway/git/repository";
import type { JobView } from "@slipway/protocol/job";
import type { CheckResult } from "../checks/run-checks.ts";
import { resultOf } from "../checks/run-checks.ts";
import { findUndone } from "../checks/undone.ts";

/** Looks how the conflicts of a revision were settled; nothing for any other attempt. */
export async function lookForUndone(
  repository: WorkerRepository,
  { revision }: Pick<JobView, "revision">,
  oid: string,
  signal: AbortSignal,
): Promise<Array<Omit<CheckResult, "name"> & { readonly name: string }>> {
  if (!revision || revision.paths.length === 0) return [];
  const { paths, baseOid, targetOid, workOid, target } = revision;
  const wanted = new Set(paths);
  const read = async (commit: string): Promise<ReadonlyMap<string, string>> => {
    const texts = await readTexts(repository, { oid: commit, signal, limit: paths.length, isWanted: (path) => wanted.has(path) });
    return new Map(texts.map(({ path, text }) => [path, text]));
  };
  const [base, onTarget, own, result] = [await read(baseOid), await read(targetOid), await read(workOid), await read(oid)];
  const settled = paths.map((path) => ({ path, base: base.get(path), target: onTarget.get(path), own: own.get(path), result: result.get(path) }));
  return [{ ...resultOf("conflicts", findUndone(settled, target), { level: "warning", allowed: new Set() }), name: "revision" }];
}
