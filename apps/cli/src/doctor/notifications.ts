import type { NotificationStatus } from "@slipway/protocol/notifications";
import type { Connection } from "../connection.ts";
import { ago, plural } from "../terminal/text.ts";
import { type Check, check } from "./check.ts";

/** Receivers that were not told; nothing to say where nobody is to be told. */
export async function checkNotifications({ client, url }: Connection): Promise<Check[]> {
  const { receivers } = await client.call("listNotifications", {});
  return receivers.map((receiver) => {
    const found = trouble(receiver);
    return check("server", "notifications", found === null, {
      tried: `GET ${url}/v1/notifications`,
      found: found ?? `${receiver.name} is told of ${receiver.events.join(", ")}`,
      lost: `${receiver.name} hears of nothing, and nothing else: jobs go on`,
      remedy: `slipway notifications test ${receiver.name}`,
    });
  });
}

/** Such as `2 notifications wait since 5 min ago: …`, for doctor; null where all is well. */
function trouble({ name, waiting, waitingSince, problem, givenUp }: NotificationStatus): string | null {
  if (problem === null && givenUp === 0) return null;
  const parts = [
    ...(problem ? [problem.message.replace(/\.$/, "")] : []),
    ...(waiting > 0
      ? [`${plural(waiting, "notification")} ${waiting === 1 ? "waits" : "wait"}${waitingSince === null ? "" : `, the oldest from ${ago(waitingSince)}`}`]
      : []),
    ...(givenUp > 0 ? [`${givenUp} of this week given up`] : []),
  ];
  return `${name}: ${parts.join("; ")}`;
}
