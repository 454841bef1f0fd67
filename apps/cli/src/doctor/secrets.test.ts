import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { checkNamedSecrets, checkSecretsOf } from "./secrets.ts";

const needy = { name: "needy", secrets: [{ name: "KEY", required: true, hint: "Make one at example.com/keys." }] };
const easy = { name: "easy", secrets: [{ name: "KEY", required: false, hint: "Any." }] };

test("doctor says of each secret where it is, or how to put it there without leaving it in the shell's history", async () => {
  const folder = await mkdtemp(join(tmpdir(), "slipway-secrets-"));
  try {
    const one = async (backends: Parameters<typeof checkSecretsOf>[0], env = {}) => (await checkSecretsOf(backends, folder, env))[0];
    expect(await one([needy, easy])).toMatchObject({
      name: "secret KEY",
      ...{ ok: false, required: false, found: "missing", lost: "jobs with the backend needy are blocked" },
      remedy: `Make one at example.com/keys. Type (umask 077; mkdir -p ${folder}; cat > ${folder}/KEY), then paste it and press Ctrl-D.`,
    });
    expect(await one([easy])).toMatchObject({ ok: true, found: "not there; easy can do without", remedy: null });
    expect(await one([needy], { SLIPWAY_SECRET_KEY: "value" })).toMatchObject({ ok: true, found: expect.stringContaining("SLIPWAY_SECRET_KEY") });
    await writeFile(join(folder, "KEY"), "s3cr3t\n");
    await chmod(join(folder, "KEY"), 0o644);
    const refused = await one([easy], { SLIPWAY_SECRET_KEY: "value" });
    expect(refused).toMatchObject({ ok: false, found: expect.stringContaining("0644"), remedy: `Type \`chmod 600 ${folder}/KEY\`.` });
    await chmod(join(folder, "KEY"), 0o600);
    const found = await checkSecretsOf([needy, easy], folder, {});
    expect(found).toMatchObject([{ ok: true, found: `found in ${folder}/KEY` }]);
    expect(JSON.stringify([refused, found])).not.toContain("s3cr3t");
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("doctor says of each secret of the server what it is for, and what to type where it is missing or readable for others", async () => {
  const folder = await mkdtemp(join(tmpdir(), "slipway-secrets-"));
  try {
    const named = [
      { name: "HOST_KEY", use: "repositories on git.example.org" },
      { name: "HOST_KEY", use: "the repository ship" },
      { name: "GITHUB_TOKEN", use: "pull requests on github.com" },
    ];
    await writeFile(join(folder, "GITHUB_TOKEN"), "s3cr3t\n");
    await chmod(join(folder, "GITHUB_TOKEN"), 0o640);
    const checks = await checkNamedSecrets(named, folder, {});
    expect(checks).toMatchObject([
      {
        ...{ group: "server", name: "secret HOST_KEY", ok: false, found: "missing" },
        lost: "repositories on git.example.org, the repository ship: fetching, pushing or opening pull requests fails",
        remedy: `Type (umask 077; mkdir -p ${folder}; cat > ${folder}/HOST_KEY), then paste it and press Ctrl-D.`,
      },
      { name: "secret GITHUB_TOKEN", ok: false, found: expect.stringContaining("0640"), remedy: `Type \`chmod 600 ${folder}/GITHUB_TOKEN\`.` },
    ]);
    await chmod(join(folder, "GITHUB_TOKEN"), 0o600);
    const found = await checkNamedSecrets(named.slice(2), folder, {});
    expect(found).toMatchObject([{ ok: true, remedy: null }]);
    expect(JSON.stringify([checks, found])).not.toContain("s3cr3t");
  } finally {
    await rm(folder, { recursive: true });
  }
});
