import type { SessionView } from "@slipway/protocol/session";
import { type FormEvent, useEffect, useState } from "react";
import { call } from "../api/call.ts";
import { type ApiFailure, toFailure } from "../api/failure.ts";
import { Button } from "../parts/button.tsx";
import { Copy } from "../parts/copy.tsx";
import parts from "../parts/parts.module.css";
import { FailureNote, Loading } from "../parts/states.tsx";
import css from "./shell.module.css";

/** The code of the address that `slipway open` opens; taken out of the address at once, so that it is in no history. */
function takeCode(): string | null {
  const code = new URLSearchParams(location.hash.slice(1)).get("code");
  if (code !== null) history.replaceState(null, "", location.pathname === "/sign-in" ? "/" : location.pathname + location.search);
  return code;
}

const code = takeCode();

/** Asks for a token, or takes the code of the address; the token is sent once, and kept by nobody here. */
export function SignIn({ onSignedIn, ended }: { onSignedIn: (session: SessionView) => void; ended: boolean }) {
  const [failure, setFailure] = useState<ApiFailure | null>(null);
  const [isBusy, setIsBusy] = useState(code !== null && !ended);
  const enter = async (body: { token: string } | { code: string }): Promise<void> => {
    setIsBusy(true);
    setFailure(null);
    try {
      onSignedIn(await call("createSession", { body }));
    } catch (error) {
      setFailure(toFailure(error));
      setIsBusy(false);
    }
  };
  // biome-ignore lint/correctness/useExhaustiveDependencies: once, at the start: a code is good once
  useEffect(() => {
    if (code !== null && !ended) void enter({ code });
  }, []);
  const submit = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const token = String(new FormData(event.currentTarget).get("token")).trim();
    if (token !== "") void enter({ token });
  };
  if (isBusy) return <Loading what="your session" />;
  return (
    <main className={css["center"]}>
      <div className={css["signIn"]}>
        <h1>Slipway</h1>
        {ended && failure === null && <p role="status">Your session is over. Sign in again; the page goes on where it was.</p>}
        {failure && <FailureNote failure={failure} title="You are not signed in." />}
        <div className={parts["card"]}>
          <div className={parts["cardBody"]}>
            <p>On the server's machine, this opens the page and signs you in:</p>
            <p>
              <Copy text="slipway open" />
            </p>
          </div>
        </div>
        <form className={parts["card"]} onSubmit={submit}>
          <div className={`${parts["cardBody"]} ${parts["field"]}`}>
            <label htmlFor="token">Or give a token</label>
            <input id="token" name="token" type="password" autoComplete="off" required className={parts["input"]} placeholder="slip_…" />
            <span>An administrator makes one with slipway token create. It goes to the server once; this browser keeps a session of a week instead.</span>
            <div className={parts["actions"]}>
              <Button type="submit" look="primary">
                Sign in
              </Button>
            </div>
          </div>
        </form>
      </div>
    </main>
  );
}
