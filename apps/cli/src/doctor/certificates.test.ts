import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { rootCertificates } from "node:tls";
import { execa } from "execa";
import { afterAll, beforeAll, expect, test } from "vitest";
import { checkCertificates } from "./certificates.ts";

let folder: string;
let file: string;
let ended: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "slipway-doctor-"));
  file = join(folder, "ca.pem");
  ended = await endedCertificate();
});
afterAll(async () => await rm(folder, { recursive: true }));

/** Of an authority whose time was the first day of 2020. */
async function endedCertificate(): Promise<string> {
  const config = "[ca]\ndefault_ca=own\n[own]\ndatabase=index\nnew_certs_dir=.\nserial=serial\ndefault_md=sha256\npolicy=any\n[any]\ncommonName=supplied\n";
  for (const [name, text] of Object.entries({ config, index: "", serial: "01\n" })) await writeFile(join(folder, name), text);
  const openssl = async (...args: string[]): Promise<unknown> => await execa("openssl", args, { cwd: folder });
  await openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", "key", "-out", "csr", "-subj", "/CN=Once");
  const days = ["-startdate", "20200101000000Z", "-enddate", "20200102000000Z"];
  await openssl("ca", "-batch", "-selfsign", "-config", "config", "-in", "csr", "-keyfile", "key", "-out", "ended", "-notext", ...days);
  return await readFile(join(folder, "ended"), "utf8");
}

test("nothing is said where no file is set", async () => {
  expect(await checkCertificates("configuration", undefined)).toEqual([]);
});

test("certificates that hold are counted; an old one among them is told, and no fault", async () => {
  await writeFile(file, `${rootCertificates[0]}\n`);
  expect(await checkCertificates("configuration", file)).toMatchObject([
    { group: "configuration", name: "extraCaCerts", ok: true, tried: `the certificates in ${file}`, found: "1 certificate", remedy: null },
  ]);
  await writeFile(file, `${rootCertificates[0]}\n${ended}`);
  expect(await checkCertificates("configuration", file)).toMatchObject([{ ok: true, found: "2 certificates, of which 1 ended, the last on 2020-01-02" }]);
});

test("a file with nothing but certificates that ended is a fault, with what to do", async () => {
  await writeFile(file, ended);
  expect(await checkCertificates("configuration", file)).toMatchObject([
    { ok: false, required: false, found: "1 certificate, of which 1 ended, the last on 2020-01-02", remedy: expect.stringContaining(file) },
  ]);
});

test("a file that the parts would refuse fails the doctor, in their words", async () => {
  const missing = join(folder, "missing.pem");
  expect(await checkCertificates("configuration", missing)).toMatchObject([
    {
      ok: false,
      required: true,
      found: `extraCaCerts: the file ${missing} cannot be used: it cannot be read (ENOENT).`,
      lost: expect.stringContaining("do not start"),
    },
  ]);
});
