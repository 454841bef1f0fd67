import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { makeBareStore } from "./bare-store.ts";
import { type Identity, identityEnvironment } from "./commit-object.ts";
import { gitText, runGit } from "./exec.ts";
import { parseCommit } from "./merge.ts";

/** A key that commits are signed with. `ssh`: path of a private key. `openpgp`: a key ring of its own, and the key in it. */
export type SigningKey =
  | { readonly format: "ssh"; readonly keyFile: string }
  | { readonly format: "openpgp"; readonly home: string; readonly fingerprint: string };

/** Who signs, and who is named as committer of what is signed; the commit's own committer where it is missing. */
export interface Signer {
  readonly key: SigningKey;
  readonly committer?: Identity | undefined;
}

/**
 * Makes the commits between two anew, each signed: the same trees, authors, messages and times, parents among them replaced by what was made of them. Answers
 * what was made of `oid`; `oid` itself where `ontoOid` contains it. With an ssh key the same commits give the same ones again. SIGNING_FAILED, and then nothing
 * unsigned is answered.
 */
export async function signCommits(
  gitDir: string,
  range: { readonly ontoOid: string; readonly oid: string },
  signer: Signer,
  signal?: AbortSignal,
): Promise<string> {
  const listing = await gitText(["rev-list", "--reverse", "--topo-order", range.oid, `^${range.ontoOid}`], { gitDir, signal, failure: "BASE_NOT_FOUND" });
  const made = new Map<string, string>();
  for (const oid of listing.split("\n").filter(Boolean)) made.set(oid, await signOne(gitDir, oid, { made, signer, signal }));
  return made.get(range.oid) ?? range.oid;
}

interface Signing {
  readonly made: ReadonlyMap<string, string>;
  readonly signer: Signer;
  readonly signal: AbortSignal | undefined;
}

async function signOne(gitDir: string, oid: string, { made, signer, signal }: Signing): Promise<string> {
  const text = await gitText(["cat-file", "commit", oid], { gitDir, signal });
  const head = text.slice(0, text.indexOf("\n\n"));
  const { author, message } = parseCommit(text);
  const [, name = "", email = "", date = ""] = /^committer (.*) <(.*)> (\d+ [+-]\d{4})$/m.exec(head) ?? [];
  const committer = { ...(signer.committer ?? { name, email }), date: `@${date}` };
  const parents = [...head.matchAll(/^parent ([0-9a-f]+)$/gm)].flatMap(([, parent = ""]) => ["-p", made.get(parent) ?? parent]);
  const { config, env, name: key } = keyOptions(signer.key);
  const args = ["commit-tree", `-S${key}`, "-F", "-", ...parents, `${oid}^{tree}`];
  const options = { gitDir, input: message, config, env: { ...env, ...identityEnvironment(author, committer) }, signal, failure: "SIGNING_FAILED" } as const;
  return (await runGit(args, options)).stdout.toString().trim();
}

function keyOptions(key: SigningKey): { config: Array<readonly [string, string]>; env: Record<string, string>; name: string } {
  if (key.format === "ssh") return { config: [["gpg.format", "ssh"]], env: {}, name: key.keyFile };
  return { config: [["gpg.format", "openpgp"]], env: { GNUPGHOME: key.home }, name: `${key.fingerprint}!` };
}

/** Signs a commit that nobody needs, in a folder below `folder` that goes again. SIGNING_FAILED. */
export async function trySigner(signer: Signer, folder: string): Promise<void> {
  const gitDir = await mkdtemp(join(folder, "try-"));
  try {
    await makeBareStore(gitDir);
    const tree = await gitText(["mktree"], { gitDir });
    const commit = async (...parents: string[]): Promise<string> => await gitText(["commit-tree", "-m", "Try", ...parents, tree], { gitDir });
    const ontoOid = await commit();
    await signCommits(gitDir, { ontoOid, oid: await commit("-p", ontoOid) }, signer);
  } finally {
    await rm(gitDir, { recursive: true, force: true });
  }
}
