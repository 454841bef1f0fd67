import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { writeCertificates } from "@slipway/process/trust";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { runAttempt } from "../../apps/worker/src/job/run-attempt.ts";
import { createSandboxProvider } from "../../apps/worker/src/sandbox/create.ts";
import { readOnlyToolchains } from "../../apps/worker/src/sandbox/toolchains.ts";
import { dockerSettings, isIsolated, type Kind, sandboxKindOf } from "../sandbox/bench.ts";
import { KINDS } from "../sandbox/kinds.ts";
import { TestAttempt } from "../support/attempt-context.ts";
import { ANSWER, TestAuthority } from "../support/authority.ts";
import { CompanyProxy } from "../support/company-proxy.ts";

const INSTALL_ROOT = join(import.meta.dirname, "..", "..");

/** Known to the company's proxy alone: programs leave their proxy out for `localhost`. */
const PLACE = "registry.example:443";
const GET = `
const target = process.argv[2];
const words = await fetch(target).then((response) => response.text(), (error) => error.cause?.code ?? error.message);
process.stdout.write("node: " + words.trim() + "\\n");
`;
/** An image has no curl: where there is none nothing of it is said. */
const ASK = `
env | grep hush-hush
[ ! -e /etc/slipway ] || ! touch /etc/slipway/ca.pem 2>/dev/null || echo "writable"
node get.mjs https://$1/
! command -v curl >/dev/null || echo "curl: $(curl -sS https://$1/ 2>&1 | head -n 1)"
git ls-remote https://$1/x.git 2>&1 | grep -q -i 'certificate' && echo "git: refused" || echo "git: trusted"
`;
const TRUSTED = new RegExp(`^node: ${ANSWER}(curl: ${ANSWER})?git: trusted\n$`);
const REFUSED = /^node: (SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_VERIFY_LEAF_SIGNATURE)\n(curl: curl: \(60\).*\n)?git: refused\n$/;

let authority: TestAuthority;
let company: CompanyProxy;
let folder: string;
beforeAll(async () => {
  authority = await TestAuthority.make();
  company = await CompanyProxy.listen({ [PLACE]: authority.port }, { login: "worker:hush-hush" });
  folder = await mkdtemp(join(tmpdir(), "slipway-certificates-"));
});
afterAll(async () => {
  await company[Symbol.asyncDispose]();
  await authority[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

afterEach(() => {
  vi.unstubAllEnvs();
});

async function attemptWith(kind: Kind, certificates: string | undefined): Promise<TestAttempt> {
  // Without a sandbox the host's network is there, and no proxy.
  const place = isIsolated(kind) ? PLACE : `localhost:${authority.port}`;
  vi.stubEnv("HTTPS_PROXY", company.url("worker:hush-hush"));
  const config = `
setup: {commands: [sh ask.sh ${place}]}
egress: {setup: ["${place}"], turn: ["${place}"], gates: ["${place}"]}
gates: [{name: ask, run: "sh ask.sh ${place}"}]
`;
  const docker = await dockerSettings(kind, folder);
  // The folder lies where no sandbox may look.
  const provider = createSandboxProvider(sandboxKindOf(kind), {
    runtimeFolder: folder,
    installRoot: INSTALL_ROOT,
    maskPaths: [folder],
    certificates,
    ...docker,
  });
  const script = { turns: [[{ shell: { command: `sh ask.sh ${place}`, expectExit: "any" } }, { write: { path: "done.txt", content: "done\n" } }]] };
  const files = { ".slipway.yaml": config, "get.mjs": GET, "ask.sh": ASK };
  const toolchains = kind === "docker" ? [] : readOnlyToolchains(process.env["PATH"] ?? "");
  return await TestAttempt.make({ files, provider, toolchains, job: { backend: "script", backendConfig: { script } } });
}

/** What setup, turn and gate said. */
function said(attempt: TestAttempt): Array<string | undefined> {
  const turn = attempt.events.flatMap(({ kind, data }) => (kind === "tool-result" ? [data.output.slice(data.output.indexOf("\n") + 1)] : []))[0];
  return [attempt.logs.get("setup")?.replace(/^\$ .*\n/, ""), turn, attempt.logs.get("gate:ask")];
}

describe.each(KINDS.filter((kind) => kind !== "none by ps"))("in %s", (kind) => {
  it("programs trust the installation's certificates in setup, turn and gates", async () => {
    await using attempt = await attemptWith(kind, await writeCertificates(authority.file, join(folder, "certificates")));
    expect(await runAttempt(await attempt.context())).toMatchObject({ kind: "change" });
    for (const words of said(attempt)) expect(words).toMatch(TRUSTED);
    expect(JSON.stringify(attempt.events)).not.toContain("hush-hush");
  });

  it("without the setting none does", async () => {
    await using attempt = await attemptWith(kind, undefined);
    expect(await runAttempt(await attempt.context())).toMatchObject({ kind: "change" });
    for (const words of said(attempt)) expect(words).toMatch(REFUSED);
  });
});
