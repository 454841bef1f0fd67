import { readCertificates } from "@slipway/process/certificates";
import { SlipwayError } from "@slipway/protocol/errors";
import { type Check, check } from "./check.ts";

/** The file of `extraCaCerts`: whether the parts would take it, and whether its certificates still hold. Nothing is said where none is set. */
export async function checkCertificates(group: string, file: string | undefined): Promise<Check[]> {
  if (file === undefined) return [];
  const tried = `the certificates in ${file}`;
  const name = "extraCaCerts";
  try {
    const { certificates } = await readCertificates(file);
    const now = Date.now();
    const over = certificates.filter(({ validToDate }) => validToDate.getTime() < now);
    const count = `${certificates.length} certificate${certificates.length === 1 ? "" : "s"}`;
    // A list such as the system's may have old ones in it that nobody needs.
    const ok = over.length < certificates.length;
    const told = over.length === 0 ? count : `${count}, of which ${over.length} ended, the last on ${latestEnd(over)}`;
    return [
      check(group, name, ok, {
        tried,
        found: told,
        lost: "what these certificates vouch for is refused: package registries in sandboxes, models, repositories",
        remedy: `Get your network's new certificates, put them into ${file}, and start the parts anew.`,
      }),
    ];
  } catch (error) {
    if (!(error instanceof SlipwayError)) throw error;
    const lost = "server, worker, integrator and gateway do not start, nor are images built: INVALID_CONFIG";
    return [check(group, name, false, { tried, found: error.message, lost, remedy: error.hint, required: true })];
  }
}

function latestEnd(certificates: ReadonlyArray<{ readonly validToDate: Date }>): string {
  return new Date(Math.max(...certificates.map(({ validToDate }) => validToDate.getTime()))).toISOString().slice(0, 10);
}
