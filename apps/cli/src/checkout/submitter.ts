import { type LandingIdentity, submitterSchema } from "@slipway/protocol/landing-author";
import { readGit } from "./read-git.ts";

/** Who the user is, as git in this checkout would name them in a commit; undefined where it has no name and address that go into one. */
export async function submitterOf({ root }: { readonly root: string }): Promise<LandingIdentity | undefined> {
  // Git says by its exit code that a key is not set.
  const [name, email] = await Promise.all(["user.name", "user.email"].map(async (key) => await readGit(["config", "--get", key], root).catch(() => undefined)));
  const parsed = submitterSchema.safeParse({ name, email });
  return parsed.success ? parsed.data : undefined;
}
