import { z } from "zod";

/** What a job says of its agent's turns, whatever the backend is: who may do what, and which MCP servers it has. */

/**
 * What is answered where an agent asks before it does something. `allow`: yes, the sandbox confines it. `edits`: yes to reading and to changing files, no to all else,
 * such as commands. `deny`: no to everything that it asks for.
 */
export const PERMISSION_POLICIES = ["allow", "edits", "deny"] as const;
export type PermissionPolicy = (typeof PERMISSION_POLICIES)[number];

/** A message of a person to an agent at work, in UTF-16 units. */
export const STEER_LIMIT_CHARACTERS = 20_000;

/** What an agent may ask to do. */
export const PERMISSION_KINDS = ["read", "edit", "execute", "fetch", "other"] as const;
export type PermissionKind = (typeof PERMISSION_KINDS)[number];

/** Secrets that a job may name for its MCP servers: those whose names say that they are meant for that. */
const secretNameSchema = z
  .string()
  .regex(/^MCP_[A-Z0-9_]{1,95}$/, "expected the name of a secret of the workers that begins with MCP_, such as MCP_TRACKER_TOKEN");
const variableSchema = z.string().regex(/^[A-Za-z_]\w{0,199}$/, "expected a variable's name");
const headerSchema = z.string().regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,200}$/, "expected a header's name");
const valueSchema = z
  .string()
  .max(10_000)
  .refine((text) => !/[\0\r\n]/.test(text), "expected one line");

const stdioServerSchema = z.strictObject({
  command: valueSchema.min(1).describe("The program: a path, or a name that is looked for on the sandbox's PATH."),
  args: z.array(valueSchema).max(100).default([]).describe("Its arguments; no shell reads them."),
  env: z
    .record(variableSchema, valueSchema)
    .default({})
    .describe("Further variables of its environment. No secrets: everybody who may read the job sees them."),
  secrets: z.record(variableSchema, secretNameSchema).default({}).describe("Variables that hold a secret, each with the secret's name (MCP_…)."),
});
const httpServerSchema = z.strictObject({
  url: z
    .url({ protocol: /^https?$/, error: "expected an address that begins with http:// or https://" })
    .max(2_000)
    .describe("Its address. The repository's `egress.turn` has to let the agent reach it."),
  headers: z.record(headerSchema, valueSchema).default({}).describe("Further headers. No secrets."),
  secretHeaders: z.record(headerSchema, secretNameSchema).default({}).describe("Headers whose whole value is a secret, each with the secret's name (MCP_…)."),
});

/** An MCP server of a job: a program in the sandbox, or an address. */
export const mcpServerSchema = z.union([stdioServerSchema, httpServerSchema]);
export type McpServerSpec = z.output<typeof mcpServerSchema>;

const serverNameSchema = z.string().regex(/^[A-Za-z0-9][\w-]{0,49}$/, "expected letters, digits, _ and -, at most 50");

const isFew = (servers: object): boolean => Object.keys(servers).length <= 20;

/** By the name that the agent knows them by. */
export const mcpServersSchema = z.record(serverNameSchema, mcpServerSchema).refine(isFew, "expected at most 20 servers");
export type McpServers = z.output<typeof mcpServersSchema>;

/**
 * Those of a repository. They name no secrets: whoever lands a change of the file, agents included, would have them. A server of the job with the same name
 * takes the place of one, with its secrets.
 */
export const repositoryMcpServersSchema = z
  .record(
    serverNameSchema,
    mcpServerSchema.refine((server) => Object.keys("url" in server ? server.secretHeaders : server.secrets).length === 0, {
      error: "expected no secrets in a repository's file: give the whole server with the job that needs them (`--mcp-servers FILE`), by the same name",
    }),
  )
  .refine(isFew, "expected at most 20 servers");

/** The secrets that these servers name, each once. */
export function secretsOfServers(servers: McpServers): string[] {
  const names = Object.values(servers).flatMap((server) => Object.values("url" in server ? server.secretHeaders : server.secrets));
  return [...new Set(names)];
}
