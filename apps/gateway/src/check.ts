import { SlipwayError, toSlipwayError } from "@slipway/protocol/errors";
import { type GatewayCheck, keyNames, type Provider } from "@slipway/protocol/gateway-config";
import { request } from "undici";
import { maskOf } from "./answer/failures.ts";
import { type ConfigPlace, configPlace, readConfig } from "./config-file.ts";
import { type FoundKey, Keys } from "./keys.ts";
import { PROTOCOLS } from "./protocols/protocols.ts";
import { openUpstream } from "./upstream.ts";

const ANSWER_LIMIT_MS = 10_000;
/** More of a list of models is not read. */
const READ_LIMIT_BYTES = 1_048_576;

type ProviderCheck = GatewayCheck["providers"][number];

/** What a person needs to know of the configuration: where each key is, and whether its provider answers. Asks the vendors, and nobody else. */
export async function check(data: string): Promise<GatewayCheck> {
  const place = configPlace(data);
  try {
    const { config, stamp } = readConfig(place);
    const keys = new Keys(data);
    keys.takeFromEnvironment(keyNames(config));
    const providers = await Promise.all(
      Object.entries(config.providers).flatMap(([name, provider]) =>
        [provider.key, ...provider.moreKeys].map((keyName) => checkProvider(name, { ...provider, key: keyName }, keys)),
      ),
    );
    return { configFile: stamp === null ? null : place.path, problem: null, providers };
  } catch (error) {
    return { configFile: place.path, problem: problemOf(error, place), providers: [] };
  }
}

function problemOf(error: unknown, place: ConfigPlace): NonNullable<GatewayCheck["problem"]> {
  if (!(error instanceof SlipwayError) || error.code !== "INVALID_CONFIG") throw error;
  return { code: error.code, message: error.message, hint: error.hint || `Mend ${place.path}.` };
}

async function checkProvider(provider: string, settings: Provider, keys: Keys): Promise<ProviderCheck> {
  const { baseUrl, key: keyName } = settings;
  const keyFile = keyName === null ? null : keys.file(keyName);
  let key: FoundKey | null = null;
  if (keyName !== null) {
    try {
      key = keys.get(keyName);
    } catch (error) {
      const { message, hint, details } = toSlipwayError(error);
      // A key that is there and not fit to be used has more to say than that it is missing.
      const found = details["unfit"] === true ? { ok: false, found: `${message} ${hint}` } : null;
      return { provider, baseUrl, keyName, keyFrom: null, keyFile, answer: found };
    }
  }
  return { provider, baseUrl, keyName, keyFrom: key?.from ?? null, keyFile, answer: await ask(settings, key?.value ?? null) };
}

async function ask({ baseUrl, protocol: spoken }: Provider, key: string | null): Promise<{ ok: boolean; found: string }> {
  const mask = maskOf(key);
  const protocol = PROTOCOLS[spoken];
  const upstream = openUpstream();
  const url = new URL(baseUrl);
  url.pathname = `${url.pathname.replace(/\/+$/, "")}${protocol.models.vendorPath}`;
  const headers = { accept: "application/json", "accept-encoding": "identity", ...protocol.versionHeaders, ...(key === null ? {} : protocol.keyHeaders(key)) };
  const signal = AbortSignal.timeout(ANSWER_LIMIT_MS);
  try {
    const { statusCode, body } = await request(url, { dispatcher: upstream, headers, signal });
    if (statusCode >= 200 && statusCode < 300) {
      body.on("error", () => undefined).destroy();
      return { ok: true, found: "answers" };
    }
    let text = "";
    for await (const chunk of body) {
      text += String(chunk);
      if (text.length > READ_LIMIT_BYTES) break;
    }
    return { ok: false, found: mask(`${statusCode}: ${messageIn(text)}`) };
  } catch (error) {
    if (signal.aborted) return { ok: false, found: `no answer within ${ANSWER_LIMIT_MS / 1_000} s` };
    const { code, message } = error as { code?: string; message?: string };
    return { ok: false, found: mask(`cannot be reached: ${message || code || String(error)}`) };
  } finally {
    await upstream.destroy();
  }
}

function messageIn(text: string): string {
  try {
    const { error } = JSON.parse(text) as { error?: { message?: unknown } };
    if (typeof error?.message === "string") return error.message.slice(0, 500);
  } catch {
    // A page, or a text: its beginning says most.
  }
  return text.replace(/\s+/g, " ").slice(0, 200);
}
