import { z } from "zod";
import { ERROR_CODES } from "./errors.ts";
import { failureSchema } from "./failure.ts";
import { nameSchema, oidSchema, timeSchema } from "./scalars.ts";
import { JOB_STATES } from "./states.ts";
import { TASK_KIND_NAMES } from "./task-kinds.ts";

/** Telling people elsewhere, by HTTP, what became of their jobs: where the installation sends that, and what it sends. */

/**
 * What may be told. `needs-you`: a job is blocked, or a branch is frozen; `landed`: a change is on its branch; `done`: a job ended well in another way, with an
 * answer, a review, a pull request or a branch; `failed` and `cancelled`: it ended without. Of a job that is tried again nothing is told.
 */
export const NOTIFICATION_EVENTS = ["needs-you", "landed", "done", "failed", "cancelled"] as const;
/** One of them. */
export type NotificationEvent = (typeof NOTIFICATION_EVENTS)[number];

/** `slack`: what Slack's incoming webhooks take, and others after their example; `json`: `notificationSchema`. */
export const NOTIFICATION_FORMATS = ["slack", "json"] as const;
/** One of them. */
export type NotificationFormat = (typeof NOTIFICATION_FORMATS)[number];

/** HTTP header with the id of a notification: the same each time that it is sent again. */
export const DELIVERY_HEADER = "x-slipway-delivery";

/** Hosts in whose webhooks the path is the password. */
const SECRET_HOSTS = /(^|\.)(slack\.com|discord\.com|office\.com)$/;

/** What stands in the place of such an issue may be a password. */
const NOT_SHOWN = { isSecret: true };

const secretNameSchema = z.string().regex(/^[A-Za-z][\w.-]{0,99}$/, "expected the name of a file in the server's folder of secrets, such as SLACK_URL");

/** What is wrong with the address of a webhook; null where it is one. */
export function webhookProblem(text: string): string | null {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== "http:" && url?.protocol !== "https:") return "expected an address that begins with https://";
  return url.username === "" && url.password === "" ? null : "expected an address without a user and password in it";
}

/** One receiver that is told. */
export const notificationTargetSchema = z
  .strictObject({
    name: nameSchema.describe("What it is called in logs, in `slipway doctor` and for `slipway notifications test`."),
    secret: secretNameSchema
      .optional()
      .describe("Name of the secret that holds its address: a file in `secrets/server` of the data folder. For addresses that are a password, as Slack's are."),
    url: z.string().max(2_000).optional().describe("Its address, where that is no secret."),
    format: z.enum(NOTIFICATION_FORMATS).default("json").describe("`slack` for Slack, Mattermost and others that take the same, or `json`."),
    events: z
      .array(z.enum(NOTIFICATION_EVENTS))
      .min(1)
      .default(["needs-you"])
      .describe("What it is told: `needs-you`, `landed`, `done`, `failed`, `cancelled`."),
    repositories: z.array(z.string().min(1).max(200)).min(1).optional().describe("Of these repositories alone, by name; of all where it is missing."),
  })
  .refine(({ secret, url }) => (secret === undefined) !== (url === undefined), { error: "expected either `secret` or `url`", params: NOT_SHOWN })
  .superRefine(({ url }, context) => {
    if (url === undefined) return;
    const problem =
      webhookProblem(url) ??
      (SECRET_HOSTS.test(new URL(url).hostname) ? "expected `secret` in its place: whoever knows such an address can write there" : null);
    if (problem) context.addIssue({ code: "custom", path: ["url"], message: problem, params: NOT_SHOWN });
  });
/** One receiver that is told. */
export type NotificationTarget = z.output<typeof notificationTargetSchema>;

/** All of them. */
export const notificationTargetsSchema = z
  .array(notificationTargetSchema)
  .max(20)
  .refine((targets) => new Set(targets.map(({ name }) => name)).size === targets.length, { error: "expected each `name` once" });

/** What a notification tells, as it was when it happened. */
export const noticeSchema = z.object({
  event: z.enum([...NOTIFICATION_EVENTS, "test"]),
  /** The server's time, in ms since 1970. */
  at: timeSchema,
  /** Name of the repository; null for `test`. */
  repository: z.string().nullable(),
  /** The branch that it is about; null for `test`. */
  target: z.string().nullable(),
  /** Why, in a sentence or two for people. */
  reason: z.string(),
  /** The row of the error table, where there is one. */
  code: z.enum(ERROR_CODES).nullable(),
  /** The job; null where it is about a branch, or a test. */
  job: z
    .object({
      id: z.string(),
      number: z.int(),
      title: z.string(),
      kind: z.enum(TASK_KIND_NAMES),
      backend: z.string(),
      state: z.enum(JOB_STATES),
      /** The commit on its branch. */
      landedOid: oidSchema.nullable(),
      /** Where its change was pushed to outside of the hub. */
      branch: z.string().nullable(),
      /** Address of its pull request. */
      pullRequest: z.string().nullable(),
      /** What its model calls cost so far. */
      costUsd: z.number(),
      /** From its submission, in ms. */
      tookMs: z.int(),
    })
    .nullable(),
});
/** What a notification tells, as it was when it happened. */
export type Notice = z.infer<typeof noticeSchema>;

/** The body that is posted in the format `json`. A later version of Slipway may add fields. */
export const notificationSchema = noticeSchema.extend({
  version: z.literal(1),
  /** The same as in the header: who gets it twice knows it again. */
  delivery: z.string(),
  /** All of it in one line. */
  text: z.string(),
  /** The page that shows it. */
  url: z.string(),
});
/** The body that is posted in the format `json`. */
export type Notification = z.infer<typeof notificationSchema>;

/** How a receiver is doing. */
export const notificationStatusSchema = z.object({
  name: z.string(),
  format: z.enum(NOTIFICATION_FORMATS),
  events: z.array(z.enum(NOTIFICATION_EVENTS)),
  repositories: z.array(z.string()).nullable(),
  /** What has not arrived yet, and is tried again. */
  waiting: z.int(),
  /** When the oldest of that happened. */
  waitingSince: timeSchema.nullable(),
  /** Why the newest try did not arrive; null where it did. */
  problem: failureSchema.nullable(),
  /** When one last arrived, within a week. */
  sentAt: timeSchema.nullable(),
  /** What was given up within a week, after a day of tries. */
  givenUp: z.int(),
});
/** How a receiver is doing. */
export type NotificationStatus = z.infer<typeof notificationStatusSchema>;

/** Sends a sample. */
export const testNotificationsSchema = z.strictObject({ name: nameSchema.optional().describe("To this receiver alone; to all where it is missing.") });
/** Whether a sample arrived. */
export const testedNotificationSchema = z.object({
  name: z.string(),
  /** Null where it did. */
  problem: failureSchema.nullable(),
  tookMs: z.int(),
});
