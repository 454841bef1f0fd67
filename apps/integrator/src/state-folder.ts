import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { takeFolderLock } from "@slipway/process/folder-lock";
import { idSchema, newId } from "@slipway/protocol/scalars";

/** What the integrator keeps on disk: who it is, the claims that it has in hand, and its git stores. Disposing gives the folder back. */
export interface StateFolder extends Disposable {
  readonly root: string;
  readonly integratorId: string;
  /** Of the authorities that git trusts; there where the installation names further ones. */
  readonly certificates: string;
  /** Has the folders of all repositories. */
  readonly repositories: string;
  /** Folder of the git store of a repository. */
  repositoryFolder(repoId: string): Promise<string>;
  /** Ids of the claims that were not ended: those in hand when the integrator was killed. */
  openClaims(): Promise<string[]>;
  /** A new claim's id, on disk before anybody asks with it. */
  beginClaim(): Promise<string>;
  endClaim(claimId: string): Promise<void>;
}

/** Opens `<data>/integrator`, mode 0700, for this process alone. DATA_FOLDER_IN_USE where another integrator has it: two would read the same claims. */
export async function openStateFolder(data: string): Promise<StateFolder> {
  const root = join(data, "integrator");
  const claims = join(root, "claims");
  const repositories = join(root, "repositories");
  await mkdir(claims, { recursive: true, mode: 0o700 });
  const lock = takeFolderLock({ path: join(root, "folder.lock"), part: "integrator", data });
  return {
    [Symbol.dispose]: () => lock[Symbol.dispose](),
    root,
    integratorId: await readOrMakeIdentity(join(root, "identity.json")),
    certificates: join(root, "certificates"),
    repositories,
    async repositoryFolder(repoId) {
      const folder = join(repositories, idSchema.parse(repoId));
      await mkdir(folder, { recursive: true, mode: 0o700 });
      return folder;
    },
    async openClaims() {
      return (await readdir(claims)).filter((name) => idSchema.safeParse(name).success).sort();
    },
    async beginClaim() {
      const claimId = newId();
      await writeFile(join(claims, claimId), "", { mode: 0o600 });
      return claimId;
    },
    endClaim: (claimId) => rm(join(claims, claimId), { force: true }),
  };
}

/** A missing or damaged file gives a new identity, which is always safe: claims under the old one run out by themselves. */
async function readOrMakeIdentity(file: string): Promise<string> {
  try {
    const parsed = JSON.parse(await readFile(file, "utf8")) as { integratorId?: unknown };
    return idSchema.parse(parsed.integratorId);
  } catch {
    const integratorId = newId();
    await writeFile(`${file}.new`, `${JSON.stringify({ integratorId })}\n`, { mode: 0o600 });
    await rename(`${file}.new`, file);
    return integratorId;
  }
}
