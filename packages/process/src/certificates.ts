import { X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { SlipwayError } from "@slipway/protocol/errors";

/** What a file of `extraCaCerts` holds. */
export interface CertificateFile {
  /** As it stands there, with what is written around the certificates. */
  readonly content: Buffer;
  /** At least one. */
  readonly certificates: readonly X509Certificate[];
}

const BEGIN = "-----BEGIN CERTIFICATE-----";
const BLOCK = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g;

/** The certificates of `extraCaCerts`. INVALID_CONFIG where the file cannot be read, holds none or a broken one, or a key, which nobody else is to get. */
export async function readCertificates(file: string): Promise<CertificateFile> {
  let content: Buffer;
  try {
    content = await readFile(file);
  } catch (error) {
    throw invalid(file, `it cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
  const text = content.toString("latin1");
  if (/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text)) throw invalid(file, "there is a private key in it");
  const blocks = text.match(BLOCK) ?? [];
  const begun = text.split(BEGIN).length - 1;
  if (begun === 0) throw invalid(file, "there is no certificate in it");
  if (begun !== blocks.length) throw invalid(file, "a certificate in it does not end");
  return { content, certificates: blocks.map((block, index) => parsed(file, block, index)) };
}

function parsed(file: string, block: string, index: number): X509Certificate {
  try {
    return new X509Certificate(block);
  } catch (error) {
    throw invalid(file, `what stands there as certificate ${index + 1} is none (${(error as NodeJS.ErrnoException).code ?? "unknown"})`);
  }
}

function invalid(file: string, why: string): SlipwayError {
  return new SlipwayError("INVALID_CONFIG", `extraCaCerts: the file ${file} cannot be used: ${why}.`, {
    field: "extraCaCerts",
    value: file,
    expected: "a file of certificates, each from -----BEGIN CERTIFICATE----- to -----END CERTIFICATE-----",
    hint: "Name a file with the certificates of your network's authority, such as /etc/ssl/certs/ca-certificates.crt, and nothing else in it.",
  });
}
