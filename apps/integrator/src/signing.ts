import { join } from "node:path";
import { openKeyRing } from "@slipway/git/key-ring";
import { type Signer, trySigner } from "@slipway/git/sign";
import { provideSecret, readSecretFile, secretsFolder } from "@slipway/process/secret-file";
import { SlipwayError, toSlipwayError } from "@slipway/protocol/errors";

/** What an integrator signs with, for as long as it runs. */
export interface OpenSigner extends AsyncDisposable {
  readonly signer: Signer;
}

interface Signing {
  /** The data folder. */
  readonly data: string;
  /** Name of the secret. */
  readonly name: string;
  readonly committer: Signer["committer"];
  /** Folder in which a first signature is tried. */
  readonly folder: string;
}

/**
 * Opens the key that a secret of the integrator holds: a private key of ssh, or an armored secret key of gpg, each without a passphrase, and signs something
 * that nobody needs: what is wrong with a key is told at the start, and not when the first change lands. SIGNING_FAILED.
 */
export async function openSigner({ data, name, committer, folder }: Signing): Promise<OpenSigner> {
  const file = join(secretsFolder(data, "integrator"), name);
  await using opened = new AsyncDisposableStack();
  try {
    const text = await readSecretFile(file);
    if (text === undefined) throw new SlipwayError("SIGNING_FAILED", `there is no file ${file}`);
    if (text.startsWith("-----BEGIN PGP PRIVATE KEY BLOCK-----")) {
      const { key } = opened.use(await openKeyRing(text));
      return await tried(opened, { key, committer }, folder);
    }
    if (/^-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text)) return await tried(opened, { key: { format: "ssh", keyFile: file }, committer }, folder);
    throw new SlipwayError("SIGNING_FAILED", "it is neither a private key of ssh nor an armored secret key of gpg");
  } catch (error) {
    const why = toSlipwayError(error, "SIGNING_FAILED").message;
    const hint = `On the integrator's machine: ${provideSecret(secretsFolder(data, "integrator"), name)} (a key without a passphrase).`;
    throw new SlipwayError(
      "SIGNING_FAILED",
      `The integrator is to sign with the secret ${name}, and cannot: ${why}.`,
      { secret: name, hint },
      { cause: error },
    );
  }
}

async function tried(opened: AsyncDisposableStack, signer: Signer, folder: string): Promise<OpenSigner> {
  await trySigner(signer, folder);
  const owned = opened.move();
  return { signer, [Symbol.asyncDispose]: async () => await owned.disposeAsync() };
}
