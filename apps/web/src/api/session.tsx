import type { Role } from "@slipway/protocol/accounts";
import type { SessionView } from "@slipway/protocol/session";
import { createContext, type ReactNode, use } from "react";

const SessionContext = createContext<SessionView | null>(null);

/** Gives the pages below it who is signed in. */
export function SessionProvider({ session, children }: { session: SessionView; children: ReactNode }) {
  return <SessionContext value={session}>{children}</SessionContext>;
}

/** Who is signed in. Only for what stands below `SessionProvider`. */
export function useSession(): SessionView {
  const session = use(SessionContext);
  if (!session) throw new TypeError("nobody is signed in here");
  return session;
}

/** Whether the one who is signed in may do what `role` may. The server decides; the page only does not offer what would be refused. */
export function useMay(role: Extract<Role, "submitter" | "admin">): boolean {
  const { role: own } = useSession();
  return own === "admin" || own === role;
}
