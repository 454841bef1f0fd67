import type { SessionView } from "@slipway/protocol/session";
import { type QueryClient, QueryClientProvider, useQuery, useQueryClient } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { useEffect, useMemo, useState } from "react";
import { call, setCsrfToken } from "./api/call.ts";
import { ChangeLink } from "./api/changes.ts";
import { ApiFailure } from "./api/failure.ts";
import { LinkProvider } from "./api/link.tsx";
import { makeQueryClient } from "./api/queries.ts";
import { SessionProvider } from "./api/session.tsx";
import { FailureNote, Loading } from "./parts/states.tsx";
import { makeRouter } from "./router.tsx";
import { SignIn } from "./shell/sign-in.tsx";

/** The whole page: who is signed in, then the connection, then what the address shows. */
export function App() {
  const [client] = useState(makeQueryClient);
  return (
    <QueryClientProvider client={client}>
      <Doorway />
    </QueryClientProvider>
  );
}

function Doorway() {
  const client = useQueryClient();
  const { data, error } = useQuery<SessionView, ApiFailure>({
    queryKey: SESSION,
    queryFn: async () => await call("getSession", {}),
    gcTime: Number.POSITIVE_INFINITY,
  });
  useEffect(() => askAgainWhenRefused(client), [client]);
  const isOut = error?.status === 401;
  setCsrfToken(isOut ? null : (data?.csrfToken ?? null));
  if (isOut) {
    const enter = (session: SessionView): void => {
      // Of somebody else, maybe.
      client.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== SESSION[0] });
      client.setQueryData(SESSION, session);
    };
    return <SignIn ended={data !== undefined} onSignedIn={enter} />;
  }
  if (data) {
    return (
      <SessionProvider session={data}>
        <Connected onSignOut={() => void call("endSession", {}).finally(() => location.assign("/"))} />
      </SessionProvider>
    );
  }
  if (error) return <FailureNote failure={error} title="The page could not find out who you are." />;
  return <Loading what="your session" />;
}

const SESSION = ["session"];

/** A call that is refused for want of a session has the page find out whether there is one. Answers how to stop that. */
function askAgainWhenRefused(client: QueryClient): () => void {
  return client.getQueryCache().subscribe(({ type, query }) => {
    const { error } = query.state as { error: unknown };
    if (type !== "updated" || query.queryKey[0] === SESSION[0] || !(error instanceof ApiFailure) || error.status !== 401) return;
    void client.invalidateQueries({ queryKey: SESSION });
  });
}

function Connected({ onSignOut }: { onSignOut: () => void }) {
  const client = useQueryClient();
  const link = useMemo(() => new ChangeLink(client), [client]);
  const router = useMemo(() => makeRouter(onSignOut), [onSignOut]);
  useEffect(() => {
    link.open();
    window.addEventListener("online", link.retry);
    return () => {
      window.removeEventListener("online", link.retry);
      link.close();
    };
  }, [link]);
  return (
    <LinkProvider link={link}>
      <RouterProvider router={router} />
    </LinkProvider>
  );
}
