import type { Role } from "@slipway/protocol/accounts";
import { Bot, FolderGit2, House, ListChecks, type LucideIcon, Plus, ScrollText, Server, Settings } from "lucide-react";

/** The pages that the menu and the palette lead to; `g` and the key go there. */
export const PLACES: ReadonlyArray<{
  readonly to: "/" | "/jobs" | "/new" | "/repositories" | "/workers" | "/backends" | "/audit" | "/settings";
  readonly name: string;
  readonly key: string;
  readonly icon: LucideIcon;
  /** Who may see it; everybody where it is missing. */
  readonly role?: Extract<Role, "submitter" | "admin">;
}> = [
  { to: "/", name: "Overview", key: "o", icon: House },
  { to: "/jobs", name: "Jobs", key: "j", icon: ListChecks },
  { to: "/new", name: "New job", key: "n", icon: Plus, role: "submitter" },
  { to: "/repositories", name: "Repositories", key: "r", icon: FolderGit2 },
  { to: "/workers", name: "Workers", key: "w", icon: Server },
  { to: "/backends", name: "Backends", key: "b", icon: Bot },
  { to: "/audit", name: "Audit log", key: "a", icon: ScrollText, role: "admin" },
  { to: "/settings", name: "Settings", key: "s", icon: Settings },
];
