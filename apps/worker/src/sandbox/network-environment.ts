import { existsSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import { BUNDLE_FILE, EXTRA_FILE } from "@slipway/process/trust";

/** Variables that name certificates: a company's own authority must be known inside too, or no package registry can be reached. */
const CERTIFICATES = [
  "NODE_EXTRA_CA_CERTS",
  "SSL_CERT_FILE",
  "SSL_CERT_DIR",
  "CURL_CA_BUNDLE",
  "GIT_SSL_CAINFO",
  "PIP_CERT",
  "REQUESTS_CA_BUNDLE",
  "CARGO_HTTP_CAINFO",
] as const;
const PROXIES = ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"] as const;

/** Where a sandbox has the folder of the installation's certificates. */
export const CERTIFICATES_INSIDE = "/etc/slipway";

/** Of programs that trust what is named here in place of all else: they get the bundle. `SSL_CERT_FILE` is for OpenSSL, and so Python and Ruby, and for Go, .NET and uv. */
const REPLACING = ["SSL_CERT_FILE", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO", "PIP_CERT", "REQUESTS_CA_BUNDLE", "AWS_CA_BUNDLE", "CARGO_HTTP_CAINFO"] as const;
/** Of programs that trust what is named here beside their own: the bundle would only have them read all of it. Node's is for npm, pnpm, yarn and Bun too. */
const ADDING = ["NODE_EXTRA_CA_CERTS", "DENO_CERT"] as const;

/** Has programs trust the certificates in a folder (`writeCertificates`), by the path that they see it at. There is no variable that all of them know. */
export function bundleEnvironment(folder: string): Record<string, string> {
  return {
    ...Object.fromEntries(REPLACING.map((name) => [name, join(folder, BUNDLE_FILE)])),
    ...Object.fromEntries(ADDING.map((name) => [name, join(folder, EXTRA_FILE)])),
  };
}

/** The certificates alone, for a command whose proxy is our own. */
export function certificateEnvironment(env: NodeJS.ProcessEnv): Record<string, string> {
  const result: Record<string, string> = {};
  for (const name of CERTIFICATES) {
    const value = env[name];
    if (value && isAbsolute(value) && existsSync(value)) result[name] = value;
  }
  return result;
}

/** What a command with network needs of the worker's own environment: certificates and proxies. A proxy's address that carries a password stays outside. */
export function networkEnvironment(env: NodeJS.ProcessEnv): Record<string, string> {
  const result = certificateEnvironment(env);
  for (const name of PROXIES) {
    const value = env[name];
    if (value && !value.includes("@")) result[name] = value;
  }
  return result;
}

/** Files and folders that `networkEnvironment` names and that must be visible inside: `beyond system` where `/etc/ssl` and `/usr` always are. */
export function certificatePaths(env: NodeJS.ProcessEnv, which: "all" | "beyond system" = "beyond system"): string[] {
  const paths = CERTIFICATES.flatMap((name) => env[name] ?? []).filter((path) => isAbsolute(path) && existsSync(path));
  return [...new Set(paths.filter((path) => which === "all" || !/^\/(usr|etc\/ssl)\//.test(`${path}/`)))].sort();
}
