import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

const ROOT = join(import.meta.dirname, "../..");

/** A package of somebody else, as npm installs it: files by path; `backends` as its package.json says them. */
export interface PluginPackage {
  readonly backends?: Readonly<Record<string, string>>;
  /** The version of the contract that its package.json names. */
  readonly contract?: number;
  readonly files?: Readonly<Record<string, string>>;
  /** A link, as `npm install file:…` makes one, to a folder outside. */
  readonly linked?: boolean;
}

export interface PluginFolder extends AsyncDisposable {
  readonly path: string;
}

/** An npm project outside of this repository whose dependencies are these packages; `installation` is where the SDK is that they are linked to. */
export async function pluginFolder(packages: Readonly<Record<string, PluginPackage>>, installation = ROOT): Promise<PluginFolder> {
  const root = await realpath(await mkdtemp(join(tmpdir(), "slipway-plugins-")));
  const path = join(root, "backends");
  await linkSdk(path, installation);
  await writeFile(join(path, "package.json"), JSON.stringify({ dependencies: Object.fromEntries(Object.keys(packages).map((name) => [name, "1.0.0"])) }));
  for (const [name, { backends, contract, files, linked }] of Object.entries(packages)) {
    const inFolder = join(path, "node_modules", name);
    const own = linked ? join(root, name) : inFolder;
    const described = {
      name,
      version: "1.0.0",
      type: "module",
      ...(backends ? { slipway: { backends, ...(contract === undefined ? {} : { contract }) } } : {}),
    };
    for (const [file, text] of Object.entries({ "package.json": JSON.stringify(described), ...files })) {
      await mkdir(dirname(join(own, file)), { recursive: true });
      await writeFile(join(own, file), text);
    }
    if (!linked) continue;
    await mkdir(dirname(inFolder), { recursive: true });
    await symlink(own, inFolder);
    await linkSdk(own, installation);
  }
  return { path, [Symbol.asyncDispose]: () => rm(root, { recursive: true }) };
}

/** What every backend's package depends on. */
async function linkSdk(folder: string, installation: string): Promise<void> {
  await mkdir(join(folder, "node_modules/@slipway"), { recursive: true });
  await symlink(join(installation, "backends/sdk"), join(folder, "node_modules/@slipway/backend-sdk"));
  await symlink(join(installation, "node_modules/zod"), join(folder, "node_modules/zod"));
}

/** The source of a backend that says its prompt again, and has warmed up where the file `warm` is in its home. */
export function parrot(name: string): string {
  return `
    import { existsSync, writeFileSync } from "node:fs";
    import { defineBackend } from "@slipway/backend-sdk/define-backend";
    import { z } from "zod";
    console.log("a backend that talks while it is loaded");
    setInterval(() => {}, 1_000);
    export const backend = defineBackend({
      name: "${name}",
      version: "1.0.0",
      summary: "Says it again.",
      capabilities: { resume: false, usage: false, plan: false, model: false },
      config: z.strictObject({ loud: z.boolean().default(false) }),
      secrets: [],
      probe: async () => ({ ok: true, tried: "itself", found: "a beak" }),
      warmUp: async ({ home, env }) => writeFileSync(home + "/warm", env.PATH),
      turn: async ({ prompt, home, config }) => ({
        status: "done",
        finalText: (config.loud ? prompt.toUpperCase() : prompt) + (existsSync(home + "/warm") ? ", warm" : ", cold"),
      }),
    });`;
}

/**
 * The source of a backend that requires the secret VAULT_KEY and is careless with it: leaves it in the ignored file `left`, says it, logs it, and writes it on
 * standard error. From its second turn on it makes the file `fixed`. With `pause` a turn waits in its middle: it makes `paused-<turn>` in its home, and
 * goes on when `go-<turn>` is there. `look` is a path whose files it tries to read.
 */
export function vault(): string {
  return `
    import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
    import { setTimeout as delay } from "node:timers/promises";
    import { defineBackend } from "@slipway/backend-sdk/define-backend";
    import { z } from "zod";
    const read = (path) => { try { return readFileSync(path, "utf8"); } catch { return ""; } };
    const list = (path) => { try { return readdirSync(path); } catch { return []; } };
    export const backend = defineBackend({
      name: "vault",
      version: "1.0.0",
      summary: "Is careless with a secret.",
      capabilities: { resume: true, usage: false, plan: false, model: false },
      config: z.strictObject({ pause: z.boolean().default(false), look: z.string().default("") }),
      secrets: [
        { name: "VAULT_KEY", required: true, hint: "Make one at example.com/keys." },
        { name: "VAULT_EXTRA", required: false, hint: "Nobody needs it." },
      ],
      probe: async () => ({ ok: true, tried: "itself", found: "a door" }),
      turn: async ({ turn, config, workspace, home, secrets, emit, log, signal }) => {
        const key = secrets.VAULT_KEY;
        const say = (text) => emit({ kind: "message", data: { role: "agent", text } });
        writeFileSync(workspace + "/left", key + "\\n");
        console.error("the key of turn " + turn + " is " + key);
        say("I got " + Object.keys(secrets).join(" ") + ": " + key);
        log("stdout", Buffer.from("the key is " + key + "\\n"));
        const seen = list("/proc").filter((pid) => read("/proc/" + pid + "/environ").includes("SLIPWAY_SECRET_"));
        say("environments with secrets: " + seen.length);
        if (config.look) say("readable there: " + list(config.look).map((name) => read(config.look + "/" + name)).join(" ").length);
        if (config.pause) {
          writeFileSync(home + "/paused-" + turn, "");
          while (!existsSync(home + "/go-" + turn)) await delay(20, undefined, { signal });
        }
        writeFileSync(workspace + "/done-" + turn, "");
        if (turn > 1) writeFileSync(workspace + "/fixed", "");
        return { status: "done", finalText: "The key was " + key };
      },
    });`;
}

/**
 * The source of a backend that needs a model. Its prompt is JSON: `ask` is a path that it asks the gateway for, `fetch` an address that it asks beside, `shell` a
 * command that it runs then. What it hears it says in each of the ways that there are, and fails with it where the prompt says `fail`.
 */
export function asker(name: string): string {
  return `
    import { execFileSync } from "node:child_process";
    import { defineBackend } from "@slipway/backend-sdk/define-backend";
    import { z } from "zod";
    const shell = (command) => execFileSync("sh", ["-c", "{ " + command + "; } 2>&1 || true"], { encoding: "utf8" });
    const get = async (url, token) => {
      try {
        return await (await fetch(url, { method: "POST", body: "{}", headers: { authorization: "Bearer " + token, connection: "close" } })).text();
      } catch (error) {
        return "no answer: " + (error.cause?.code ?? error.message);
      }
    };
    export const backend = defineBackend({
      name: "${name}",
      version: "1.0.0",
      summary: "Asks the model's gateway.",
      capabilities: { resume: false, usage: false, plan: false, model: true },
      config: z.strictObject({}),
      secrets: [],
      probe: async () => ({ ok: true, tried: "itself", found: "a mouth" }),
      turn: async ({ prompt, model, emit, log }) => {
        const { ask, fetch: other, shell: command, fail } = JSON.parse(prompt);
        const heard =
          (ask ? await get(model.baseUrl + ask, model.token) : "") + (other ? await get(other, model.token) : "") + (command ? shell(command) : "");
        emit({ kind: "message", data: { role: "agent", text: heard } });
        log("stdout", Buffer.from(heard));
        if (fail) throw new Error(heard);
        return { status: "done", finalText: heard };
      },
    });`;
}
