import { existsSync } from "node:fs";
import { isAbsolute } from "node:path";

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
