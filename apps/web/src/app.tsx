import type { SessionView } from "@slipway/protocol/session";
import { QueryClientProvider, useQuery, useQueryClient } from "@tanstack/react-query";
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
  const [session, setSession] = useState<SessionView | null>(null);
  const [ended, setEnded] = useState(false);
  const { data, error } = useQuery<SessionView, ApiFailure>({ queryKey: ["session"], queryFn: async () => await call("getSession", {}), gcTime: 0 });
  const current = session ?? data ?? null;
  setCsrfToken(current?.csrfToken ?? null);
  const isOver = useSessionEnd(current);
  const leave = (): void => {
    setEnded(true);
    setSession(null);
    client.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== "session" });
    client.setQueryData(["session"], null);
  };
  // biome-ignore lint/correctness/useExhaustiveDependencies: when it is over, and not when `leave` is another function
  useEffect(() => {
    if (isOver) leave();
  }, [isOver]);
  if (current) {
    return (
      <SessionProvider session={current}>
        <Connected onSignOut={() => void call("endSession", {}).then(() => location.assign("/"), leave)} />
      </SessionProvider>
    );
  }
  const isOut = ended || (error instanceof ApiFailure && error.status === 401);
  if (isOut) {
    return (
      <SignIn
        ended={ended}
        onSignedIn={(made) => {
          setEnded(false);
          setSession(made);
        }}
      />
    );
  }
  if (error) return <FailureNote failure={error} title="The page could not find out who you are." />;
  return <Loading what="your session" />;
}

/** True from when the session is over: by its time, or because the server says so to any query. */
function useSessionEnd(session: SessionView | null): boolean {
  const client = useQueryClient();
  const [over, setOver] = useState<SessionView | null>(null);
  useEffect(() => {
    if (!session) return;
    return client.getQueryCache().subscribe((event) => {
      const { error } = event.query.state;
      if (event.query.queryKey[0] !== "session" && error instanceof ApiFailure && error.status === 401) setOver(session);
    });
  }, [client, session]);
  return session !== null && over === session;
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
