import { type Notice, type Notification, type NotificationFormat, notificationSchema } from "@slipway/protocol/notifications";

/** Signs of a title or reason that go into a message. */
const TEXT_LIMIT = 300;

const WORDS = { "needs-you": "needs you", landed: "landed", done: "is done", failed: "failed", cancelled: "was cancelled" } as const;
const MARKS = { "needs-you": "⚠️", landed: "✅", done: "✅", failed: "❌", cancelled: "⏹️", test: "👋" } as const;

/** The address of the page that shows it. */
export function pageOf({ job }: Notice, publicUrl: string): string {
  const base = publicUrl.replace(/\/+$/, "");
  return job ? `${base}/jobs/${job.number}` : `${base}/`;
}

/** What is posted, as text of JSON. */
export function bodyOf(id: string, notice: Notice, publicUrl: string, format: NotificationFormat): string {
  const url = pageOf(notice, publicUrl);
  if (format === "slack") return JSON.stringify(slackBody(notice, url));
  const body: Notification = { version: 1, delivery: id, text: `${headline(notice, plain)}${reasonOf(notice)}`, url, ...notice };
  return JSON.stringify(notificationSchema.parse(body));
}

/**
 * What Slack's incoming webhooks take (https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks). `text` has it all: it is what a phone's
 * notification shows, and what others show that know no blocks.
 */
function slackBody(notice: Notice, url: string): object {
  const title = headline(notice, (text) => `<${url}|${slackText(text)}>`, slackText);
  const reason = slackText(reasonOf(notice));
  const facts = [notice.repository, notice.target, notice.job?.backend, notice.code, costOf(notice)].filter((fact) => fact != null && fact !== "");
  return {
    text: `${MARKS[notice.event]} ${title}${reason}`,
    blocks: [
      { type: "section", text: { type: "mrkdwn", text: `${MARKS[notice.event]} ${title}${reason}` } },
      ...(facts.length === 0 ? [] : [{ type: "context", elements: [{ type: "mrkdwn", text: slackText(facts.join(" · ")) }] }]),
    ],
    unfurl_links: false,
  };
}

const plain = (text: string): string => text;

/** Such as `Job 12 needs you: Mend the sum`; `link` makes the page's link of what names it. */
function headline({ event, job, target, repository }: Notice, link: (text: string) => string, safe: (text: string) => string = plain): string {
  if (event === "test") return `${link("Slipway")} can reach this receiver.`;
  if (job) return `${link(`Job ${job.number}`)} ${WORDS[event]}: ${safe(short(job.title))}`;
  return `${link(`${target} of ${repository}`)} is frozen, and nothing lands there until you resume it`;
}

function reasonOf({ event, reason, job }: Notice): string {
  if (reason === "" || event === "landed" || event === "test") return "";
  return `${job ? " – " : ": "}${short(reason)}`;
}

function costOf({ job }: Notice): string {
  return job && job.costUsd > 0 ? `$${job.costUsd.toFixed(2)}` : "";
}

function short(text: string): string {
  const line = text.replace(/\s+/g, " ").trim();
  const signs = Array.from(line);
  return signs.length <= TEXT_LIMIT ? line : `${signs.slice(0, TEXT_LIMIT - 1).join("")}…`;
}

/** The three signs that mean something in Slack's text; nothing of a job can make a link or call a person. */
function slackText(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
