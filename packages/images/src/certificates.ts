import { readFile } from "node:fs/promises";
import { SlipwayError } from "@slipway/protocol/errors";

/** The certificates of `extraCaCerts`. INVALID_CONFIG where the file cannot be read, holds none, or holds a key, which nobody else is to get. */
export async function readCertificates(file: string): Promise<Buffer> {
  let content: Buffer;
  try {
    content = await readFile(file);
  } catch (error) {
    throw invalid(file, `it cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
  const text = content.toString("latin1");
  if (/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text)) throw invalid(file, "there is a private key in it");
  if (!text.includes("-----BEGIN CERTIFICATE-----")) throw invalid(file, "there is no certificate in it");
  return content;
}

function invalid(file: string, why: string): SlipwayError {
  return new SlipwayError("INVALID_CONFIG", `extraCaCerts: the file ${file} cannot be used: ${why}.`, {
    field: "extraCaCerts",
    value: file,
    expected: "a file of certificates, each from -----BEGIN CERTIFICATE----- to -----END CERTIFICATE-----",
    hint: "Name a file with the certificates of your network's authority, such as /etc/ssl/certs/ca-certificates.crt, and nothing else in it.",
  });
}
