import { createContext, type ReactNode, use, useSyncExternalStore } from "react";
import type { ChangeLink, LinkState } from "./changes.ts";

const LinkContext = createContext<ChangeLink | null>(null);

/** Gives what is below it the page's connection to its server. */
export function LinkProvider({ link, children }: { link: ChangeLink; children: ReactNode }) {
  return <LinkContext value={link}>{children}</LinkContext>;
}

/** How the page stands to its server, and how to try again at once. */
export function useLink(): { state: LinkState; retry: () => void } {
  const link = use(LinkContext);
  if (!link) throw new TypeError("there is no connection here");
  return { state: useSyncExternalStore(link.subscribe, () => link.state), retry: link.retry };
}
