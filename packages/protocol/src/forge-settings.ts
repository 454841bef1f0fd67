import { z } from "zod";
import { credentialNameSchema } from "./upstream.ts";

/** The git hosts whose pull requests the server makes, and by which credentials. */

/** Kinds of git hosts. */
export const FORGE_KINDS = ["github", "gitlab"] as const;
/** One of them. */
export type ForgeKind = (typeof FORGE_KINDS)[number];

const secretNameSchema = z.string().regex(/^[A-Za-z][\w.-]{0,99}$/, "expected the name of a file in the server's folder of secrets, such as GITHUB_TOKEN");

const appSchema = z.strictObject({
  id: z.int().positive().describe("Number of the GitHub App."),
  installationId: z.int().positive().describe("Number of its installation on the account that owns the repositories."),
  privateKey: secretNameSchema.describe("Name of the secret that holds its private key, in PEM."),
});

/** One git host. */
export const forgeSettingsSchema = z
  .strictObject({
    kind: z.enum(FORGE_KINDS).describe("`github`, GitHub Enterprise too, or `gitlab`."),
    baseUrl: z
      .url({ protocol: /^https?$/, error: "expected an address that begins with https://" })
      .optional()
      .describe("Address of its API, for hosts of one's own: `https://HOST/api/v3` of GitHub Enterprise, `https://HOST` of GitLab."),
    token: secretNameSchema.optional().describe("Name of the secret that holds a token."),
    app: appSchema.optional().describe("A GitHub App in place of a token; its tokens are asked for and renewed by the server."),
  })
  .refine(({ token, app }) => (token === undefined) !== (app === undefined), { error: "expected either `token` or `app`" })
  .refine(({ kind, app }) => kind === "github" || app === undefined, { path: ["app"], error: "expected `token`: GitLab has no such apps" })
  .refine(({ baseUrl }) => baseUrl === undefined || isSafe(baseUrl), {
    path: ["baseUrl"],
    error: "expected https:// : a token would go over the network in clear",
  });
/** One git host. */
export type ForgeSettings = z.output<typeof forgeSettingsSchema>;

/** A host of an address, with its port where it names one. */
const hostSchema = z.string().regex(/^[a-z0-9][a-z0-9.-]{0,250}(:\d{1,5})?$/, "expected a host such as git.example.com, in lower case");

/** By the host in the addresses of repositories. */
export const forgesSchema = z.record(hostSchema, forgeSettingsSchema);
/** By the host in the addresses of repositories. */
export type Forges = z.output<typeof forgesSchema>;

/** The secret that addresses on a host are reached with, by the host, where a repository names none of its own. */
export const hostCredentialsSchema = z.record(hostSchema, credentialNameSchema);
/** By the host in the addresses of repositories. */
export type HostCredentials = z.output<typeof hostCredentialsSchema>;

/** What holds for the two public hosts where nothing else is said. */
export const DEFAULT_FORGES: Forges = {
  "github.com": { kind: "github", token: "GITHUB_TOKEN" },
  "gitlab.com": { kind: "gitlab", token: "GITLAB_TOKEN" },
};

/** Whether a credential may be sent there: over TLS, or to this machine alone. */
export function isSafe(url: string): boolean {
  const { protocol, hostname } = new URL(url);
  return protocol === "https:" || hostname === "127.0.0.1" || hostname === "localhost" || hostname === "[::1]";
}
