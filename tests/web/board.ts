import type { Role } from "@slipway/protocol/accounts";
import type { Stack } from "../support/stack.ts";

/** An installation as a browser of a test signs in to it. */
export interface Board {
  readonly url: string;
  readonly tokens: Readonly<Record<Role, string>>;
}

/** The address of a stack, with a token for each role. */
export async function boardOf(stack: Stack): Promise<Board> {
  const admin = await stack.client();
  const make = async (role: Role): Promise<string> => (await admin.call("createToken", { body: { name: role, role } })).token;
  return {
    url: stack.url,
    tokens: {
      admin: await make("admin"),
      submitter: await make("submitter"),
      viewer: await make("viewer"),
      worker: await make("worker"),
      integrator: await make("integrator"),
      gateway: await make("gateway"),
    },
  };
}
