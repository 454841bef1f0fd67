import { describeCheckout } from "@slipway/git/checkout";
import { PROMPTS_FOLDER, PromptBook } from "@slipway/prompts/prompt-book";
import { parseRepositoryConfig } from "@slipway/protocol/parse-repository-config";
import { REPOSITORY_CONFIG_FILE, type RepositoryConfig } from "@slipway/protocol/repository-config";
import { baseNamed, type Checkout } from "../checkout/publish.ts";
import { readGit } from "../checkout/read-git.ts";

/** What the repository says of its jobs' prompts at a commit of this checkout. */
export interface RepositoryHere {
  readonly checkout: Checkout;
  readonly oid: string;
  readonly config: RepositoryConfig;
  readonly book: PromptBook;
}

/** Reads them where a job would: at a commit, never in the working tree. INVALID_REQUEST outside of a checkout, INVALID_CONFIG, BASE_NOT_FOUND. */
export async function promptsHere(base: string | undefined): Promise<RepositoryHere> {
  const checkout = await describeCheckout(process.cwd());
  const oid = base === undefined ? checkout.head.oid : await baseNamed(checkout, base);
  const { root } = checkout;
  const names = await filesAt(root, oid, [REPOSITORY_CONFIG_FILE, `${PROMPTS_FOLDER}/`]);
  const text = async (path: string): Promise<string> => await readGit(["cat-file", "blob", `${oid}:${path}`], root);
  const config = parseRepositoryConfig(names.includes(REPOSITORY_CONFIG_FILE) ? await text(REPOSITORY_CONFIG_FILE) : "", REPOSITORY_CONFIG_FILE);
  const files = new Map<string, string>();
  for (const path of names) if (path !== REPOSITORY_CONFIG_FILE) files.set(path.slice(PROMPTS_FOLDER.length + 1), await text(path));
  return { checkout, oid, config, book: PromptBook.open({ files, config: config.prompts }) };
}

/** Regular files alone: what else has such a name is read by no job either. */
async function filesAt(root: string, oid: string, paths: readonly string[]): Promise<string[]> {
  const listing = await readGit(["ls-tree", "-z", "--full-tree", "--end-of-options", oid, ...paths], root);
  return listing.split("\0").flatMap((entry) => {
    const match = /^100(?:644|755) blob [0-9a-f]+\t(.*)$/s.exec(entry);
    return match?.[1] === undefined ? [] : [match[1]];
  });
}
