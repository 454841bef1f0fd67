import { SlipwayError } from "@slipway/protocol/errors";
import type { ControlPlane } from "../../control-plane.ts";
import type { Handlers } from "../call.ts";

/** Who is told of jobs by HTTP. */
export function notificationHandlers({ notifier, store }: ControlPlane): Pick<Handlers, "listNotifications" | "testNotifications"> {
  return {
    listNotifications: async () => ({ receivers: await notifier.status() }),
    testNotifications: async ({ body, by, signal }) => {
      const chosen = notifier.receivers.filter(({ name }) => body.name === undefined || name === body.name);
      if (body.name !== undefined && chosen.length === 0) {
        const known = notifier.receivers.map(({ name }) => name);
        throw new SlipwayError("NOT_FOUND", `There is no receiver ${body.name} among the notifications.`, {
          name: body.name,
          known,
          hint: `Known are: ${known.join(", ") || "none"}. They are set by \`notifications\` in slipway.yaml, which is read when the server starts.`,
        });
      }
      const receivers = await Promise.all(chosen.map(async (receiver) => await notifier.test(receiver, signal)));
      await store.recordAudit({ action: "testNotifications", by, object: null, outcome: "ok" });
      return { receivers };
    },
  };
}
