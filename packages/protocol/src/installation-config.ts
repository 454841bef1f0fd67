import { z } from "zod";
import { budgetSchema, dayBudgetSchema } from "./budget.ts";
import { hostPatternSchema } from "./egress.ts";
import { forgesSchema, hostCredentialsSchema } from "./forge-settings.ts";
import { LANES } from "./job.ts";
import { notificationTargetsSchema } from "./notifications.ts";
import { DEFAULT_PORTS, portRangeSchema } from "./port-range.ts";
import { SANDBOX_KINDS } from "./sandbox-kind.ts";
import { nameSchema } from "./scalars.ts";
import { WORKSPACE_SETTINGS } from "./workspace-kind.ts";

/**
 * The installation's configuration, `slipway.yaml` in the data folder (SLIPWAY_CONFIG names another file): what `slipway up` starts, and what jobs get that
 * say nothing themselves. Without a file the defaults below hold. It is read when something is started. Secrets never stand here.
 */
export const INSTALLATION_CONFIG_FILE = "slipway.yaml";

/** How much goes to the logs, least first. */
export const LOG_LEVELS = ["silent", "fatal", "error", "warn", "info", "debug", "trace"] as const;

const sizeSchema = z.string().regex(/^(\d{1,6}(\.\d{1,3})?[kmgt]?|none)$/i, "expected a size such as 4g or 512m, or none");
const slotsSchema = z.int().min(1).max(256);
const folderSchema = z.string().min(1);

/** What `slipway up` gives the server. */
export const serverSettingsSchema = z.strictObject({
  port: z.int().min(0).max(65_535).default(4_750).describe("Port of `slipway up`; 0 takes any free one, as a server that `slipway run` starts always does."),
  host: z.string().min(1).default("127.0.0.1").describe("Address that the server of `slipway up` listens on."),
  allowRemote: z.boolean().default(false).describe("Whether `host` may be an address that other machines reach."),
  allowedOrigins: z.array(z.string().min(1)).default([]).describe("Origins of web pages that may call the API, besides the server's own."),
  retentionDays: z.number().min(0.01).max(100_000).default(30).describe("Days for which the events and artifacts of an ended job are kept."),
  dayBudget: dayBudgetSchema.default({}).describe("What all jobs together may spend on models in a day."),
  publicUrl: z
    .url({ protocol: /^https?$/, error: "expected an address such as https://slipway.example.org" })
    .optional()
    .describe("Address at which people reach the pages, for the links in notifications; without it the one that the server listens on."),
  forges: forgesSchema
    .default({})
    .describe(
      "Git hosts for pull requests, by the host in the addresses of repositories, with the names of their secrets ([pull-requests.md](guides/pull-requests.md)); `github.com` and `gitlab.com` are there without it.",
    ),
  credentials: hostCredentialsSchema
    .default({})
    .describe(
      "Secrets with which repositories are fetched and pushed that name none of their own, by the host in their addresses: a token for https, a private key for ssh ([upstream.md](guides/upstream.md#credentials)).",
    ),
  pullRequestPollSeconds: z
    .number()
    .min(1)
    .max(86_400)
    .default(60)
    .describe("How often an open pull request is looked at while it is young; older ones less often."),
  circuitFaults: z
    .int()
    .min(0)
    .max(1_000)
    .default(3)
    .describe(
      "Failures of a backend in a row, by its own fault and each of another job, after which it gets no jobs for a while ([routing.md](routing.md)); 0: never.",
    ),
  circuitCoolDownSeconds: z
    .number()
    .min(0.001)
    .max(86_400)
    .default(60)
    .describe("How long that is the first time, before one job tries it; each time that it fails again twice as long, up to half an hour."),
});

/** What the worker of this machine is given. */
export const workerSettingsSchema = z.strictObject({
  slots: slotsSchema.default(4).describe("Jobs at once."),
  verifySlots: slotsSchema.default(2).describe("Verifications of merged trees at once, beside the jobs."),
  name: z.string().min(1).max(100).optional().describe("Name for people; the machine's where it is missing."),
  sandbox: z.enum(SANDBOX_KINDS).default("bwrap").describe("`bwrap`, `docker` or `none`, which is no isolation at all: agents run with your rights."),
  workspaces: z
    .enum(WORKSPACE_SETTINGS)
    .default("auto")
    .describe("How workspaces are made: the quickest way that works in the data folder, or one and no other ([workspaces.md](workspaces.md))."),
  workspaceLimit: sizeSchema
    .optional()
    .describe("What one workspace may take of the disk, such as `10g`, or `none`; without it no limit ([workspaces.md](workspaces.md#limits))."),
  image: z
    .string()
    .min(1)
    .optional()
    .describe(
      "The one image of all containers of `docker` ([sandbox.md](sandbox.md#containers)); without it `slipway/<backend>`, else `slipway/all`, else `slipway/base`, of this version.",
    ),
  memoryLimit: sizeSchema.optional().describe("Memory of one sandbox, such as `4g`, or `none` ([sandbox.md](sandbox.md#limits)); without it no limit."),
  processLimit: z
    .union([z.int().min(1).max(9_999_999), z.literal("none")], "expected a whole number from 1 to 9999999, or none")
    .optional()
    .describe("Processes and threads of one sandbox; without it 16384, where that can be kept."),
  fileLimit: sizeSchema.optional().describe("Size of one file that a sandbox writes, such as `10g`, or `none`; without it no limit."),
  cpuLimit: z
    .union([z.number().min(0.1).max(9_999), z.literal("none")], "expected a number from 0.1 on, or none")
    .optional()
    .describe("Processors that one sandbox may keep busy, such as `2` or `1.5`; without it all. `docker` alone keeps it."),
  warmMax: z
    .int()
    .min(0)
    .max(256)
    .optional()
    .describe("Sandboxes started ahead of their jobs, of all images together, at most; without it one a slot, and 1 where a command has a server of its own."),
  warmMin: z
    .int()
    .min(0)
    .max(256)
    .optional()
    .describe("How many of them stay when no job has come for `warmIdleSeconds`; without it all, and 1 with `docker`."),
  warmIdleSeconds: z.int().min(0).max(99_999).optional().describe("After this long without a job the others are ended; without it 900."),
  ports: portRangeSchema
    .default(DEFAULT_PORTS)
    .describe("Ports of which each job gets some of its own, 21 a slot, where it runs on the host's network ([sandbox.md](sandbox.md#ports))."),
  backendsFolder: folderSchema.optional().describe("Folder of an npm project with further backends ([backends.md](backends.md)), from this file's folder."),
  egressPrivateHosts: z
    .array(hostPatternSchema)
    .max(200)
    .default([])
    .describe("Hosts on the egress lists of repositories whose addresses may be private ones, such as a registry of your own."),
  secretsFolder: folderSchema
    .optional()
    .describe("Folder with a file for each secret of backends, from this file's folder; without it `secrets/worker` in the data folder."),
});

/** What `slipway up` gives the integrator. */
export const integratorSettingsSchema = z
  .strictObject({
    signingKey: z
      .string()
      .regex(/^[A-Za-z][A-Za-z0-9_]{0,63}$/, "expected a secret's name: letters, digits and _, at most 64, a letter first")
      .optional()
      .describe(
        "Secret that what lands is signed with: a file of this name in `secrets/integrator` of the data folder, with a private key of ssh or an armored one of gpg ([landing.md](landing.md#signing)). Without it nothing is signed.",
      ),
    committer: z
      .string()
      .regex(/^[^<>\0\n]*[^<>\0\n ] *<[^<>\0\n ]+>$/, "expected a name and an address, such as Slipway <slipway@example.org>")
      .optional()
      .describe("Who is named as the committer of what is signed, such as `Slipway <slipway@example.org>`: hosts look for the key by that address."),
  })
  .refine(({ signingKey, committer }) => committer === undefined || signingKey !== undefined, {
    path: ["committer"],
    error: "expected `signingKey` beside it",
  });

/** What `slipway images build` makes the images of sandboxes from. */
export const imageSettingsSchema = z.strictObject({
  baseImage: z
    .string()
    .min(1)
    .optional()
    .describe("Image that they stand on, such as one that `scripts/build-base-image` made; without it the public image of Node 24 on Debian 13."),
  network: z.string().min(1).optional().describe("Network of the builds' own commands, such as `host`; without it the engine's default."),
});

/** What a job gets where neither its submitter nor its repository says it. */
export const jobDefaultsSchema = z.strictObject({
  backend: nameSchema.default("script").describe("Backend of jobs where their repository names none either."),
  timeoutSeconds: z.number().min(1).max(86_400).default(1_800).describe("For one attempt, all of it."),
  stallSeconds: z
    .number()
    .min(0.1)
    .max(86_400)
    .default(300)
    .describe("An agent that says nothing and uses no processor for this long is stalled ([kinds.md](kinds.md#an-agent-that-stalls))."),
  queueTimeoutSeconds: z.number().min(1).max(2_592_000).default(86_400).describe("A job that no worker has taken for this long fails."),
  maxAttempts: z.int().min(1).max(20).default(3).describe("Tries before it fails."),
  lane: z.enum(LANES).default("normal").describe("Which jobs go first. `slipway run` asks for interactive, as somebody waits for it."),
  budget: budgetSchema.default({}).describe("What a job may spend on models; each limit holds where job and repository do not set the same one."),
  record: z
    .boolean()
    .default(false)
    .describe("Whether a job's model calls are kept, on a cassette for `slipway replay` ([cassettes.md](cassettes.md#record-every-job))."),
});
export type JobDefaults = z.infer<typeof jobDefaultsSchema>;

/** The whole file; what it leaves out has its default. */
export const installationConfigSchema = z.strictObject({
  version: z.literal(1).default(1).describe("Version of this form."),
  logLevel: z.enum(LOG_LEVELS).default("info").describe("What goes to `logs/` in the data folder."),
  server: serverSettingsSchema.prefault({}).describe("The control plane."),
  worker: workerSettingsSchema.prefault({}).describe("What runs the jobs on this machine."),
  integrator: integratorSettingsSchema.prefault({}).describe("What lands the changes."),
  images: imageSettingsSchema.prefault({}).describe("The images of containers ([docker.md](guides/docker.md))."),
  extraCaCerts: folderSchema
    .optional()
    .describe(
      "File of further certificates, from this file's folder: for networks whose HTTPS no public authority vouches for. Trusted in sandboxes, in the calls of all parts and of git, and by builds of images ([sandbox.md](sandbox.md#certificates)).",
    ),
  jobs: jobDefaultsSchema.prefault({}).describe("What jobs get that neither say it themselves nor have it from their repository."),
  notifications: notificationTargetsSchema
    .default([])
    .describe("Who is told, by HTTP, when a job needs a person, lands or fails ([notifications.md](guides/notifications.md))."),
});
export type InstallationConfig = z.infer<typeof installationConfigSchema>;
