import type { Role, TokenView } from "@slipway/protocol/accounts";
import { useQuery } from "@tanstack/react-query";
import { useId, useState } from "react";
import { ask, useAct } from "../../api/queries.ts";
import { Badge } from "../../parts/badge.tsx";
import { Button } from "../../parts/button.tsx";
import { Card } from "../../parts/card.tsx";
import { Copy } from "../../parts/copy.tsx";
import { Confirm, Dialog } from "../../parts/dialog.tsx";
import parts from "../../parts/parts.module.css";
import { FailureNote, Known, Note } from "../../parts/states.tsx";
import { Ago } from "../../parts/time.tsx";
import css from "./settings.module.css";

const ROLES: ReadonlyArray<readonly [role: Role, text: string]> = [
  ["viewer", "viewer: reads everything"],
  ["submitter", "submitter: submits, cancels and retries jobs"],
  ["admin", "admin: everything"],
  ["worker", "worker: runs jobs, for a worker's process"],
  ["integrator", "integrator: lands changes, for an integrator's process"],
  ["gateway", "gateway: counts model calls, for a gateway's process"],
];
const DAY_MS = 86_400_000;
const ENDS = [
  ["", "until it is revoked"],
  ["1", "for a day"],
  ["7", "for a week"],
  ["30", "for 30 days"],
  ["365", "for a year"],
] as const;

/** Who may do what. A token is shown once, when it is made. */
export function TokensCard() {
  const query = useQuery(ask("listTokens", {}));
  const [isOpen, setOpen] = useState(false);
  return (
    <Card
      title="Tokens"
      flush
      side={
        <Button small look="primary" onClick={() => setOpen(true)}>
          New token …
        </Button>
      }
    >
      <Known query={query} what="the tokens">
        {({ tokens }) => (
          <table>
            <thead>
              <tr>
                <th scope="col">Name</th>
                <th scope="col">Role</th>
                <th scope="col">Made</th>
                <th scope="col">Last used</th>
                <th scope="col">Good until</th>
                <th scope="col">
                  <span className="visually-hidden">Revoke</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {tokens.map((token) => (
                <TokenRow key={token.id} token={token} />
              ))}
            </tbody>
          </table>
        )}
      </Known>
      <NewToken open={isOpen} onClose={() => setOpen(false)} />
    </Card>
  );
}

function TokenRow({ token: { id, name, role, createdAt, lastUsedAt, expiresAt } }: { token: TokenView }) {
  const [isOpen, setOpen] = useState(false);
  const revoke = useAct("revokeToken");
  return (
    <tr>
      <td>{name}</td>
      <td>
        <Badge tone={role === "admin" ? "warn" : "idle"}>{role}</Badge>
      </td>
      <td>
        <Ago at={createdAt} />
      </td>
      <td>{lastUsedAt === null ? "never" : <Ago at={lastUsedAt} />}</td>
      <td>{expiresAt === null ? "it is revoked" : expiresAt < Date.now() ? <Badge tone="bad">over</Badge> : <Ago at={expiresAt} />}</td>
      <td>
        <Button small look="danger" onClick={() => setOpen(true)} aria-label={`Revoke ${name}`}>
          Revoke …
        </Button>
        <Confirm
          open={isOpen}
          onClose={() => setOpen(false)}
          title={`Revoke ${name}?`}
          verb={`Revoke ${name}`}
          danger
          busy={revoke.isPending}
          failure={revoke.error}
          onConfirm={() => revoke.mutate({ params: { token: id } }, { onSuccess: () => setOpen(false) })}
        >
          <p>
            Whoever uses it is refused at once:{" "}
            {role === "worker" || role === "integrator" || role === "gateway" ? "its process stops working" : "browsers that it signed in are signed out"}. It
            cannot be taken back.
          </p>
        </Confirm>
      </td>
    </tr>
  );
}

function NewToken({ open, onClose }: { open: boolean; onClose: () => void }) {
  const [name, setName] = useState("");
  const [role, setRole] = useState<Role>("viewer");
  const [days, setDays] = useState("");
  const create = useAct("createToken");
  const ids = [useId(), useId(), useId()] as const;
  const close = (): void => {
    setName("");
    create.reset();
    onClose();
  };
  const made = create.data;
  return (
    <Dialog open={open} onClose={close} title={made ? `${made.view.name} is made` : "New token"}>
      {made ? (
        <>
          <Note tone="warn" title="Copy it now: it is not shown again.">
            <p>The server keeps only its digest.</p>
          </Note>
          <Copy text={made.token} label="Copy the token" />
          <div className={parts["actions"]}>
            <Button look="primary" onClick={close}>
              I have it
            </Button>
          </div>
        </>
      ) : (
        <form
          className={css["form"]}
          onSubmit={(event) => {
            event.preventDefault();
            const expires = days === "" ? {} : { expiresAt: Date.now() + Number(days) * DAY_MS };
            create.mutate({ body: { name: name.trim(), role, ...expires } });
          }}
        >
          <div className={parts["field"]}>
            <label htmlFor={ids[0]}>Name</label>
            <input id={ids[0]} className={parts["input"]} value={name} required maxLength={100} onChange={({ target }) => setName(target.value)} />
            <span>Whom it is for: it stands in the audit log beside all that is done with it.</span>
          </div>
          <div className={parts["field"]}>
            <label htmlFor={ids[1]}>Role</label>
            <select id={ids[1]} className={parts["input"]} value={role} onChange={({ target }) => setRole(target.value as Role)}>
              {ROLES.map(([value, text]) => (
                <option key={value} value={value}>
                  {text}
                </option>
              ))}
            </select>
          </div>
          <div className={parts["field"]}>
            <label htmlFor={ids[2]}>Good</label>
            <select id={ids[2]} className={parts["input"]} value={days} onChange={({ target }) => setDays(target.value)}>
              {ENDS.map(([value, text]) => (
                <option key={value} value={value}>
                  {text}
                </option>
              ))}
            </select>
          </div>
          {create.error && <FailureNote failure={create.error} />}
          <div className={parts["actions"]}>
            <Button onClick={close}>Back</Button>
            <Button type="submit" look="primary" disabled={create.isPending || name.trim() === ""}>
              {create.isPending ? "Making it …" : "Make the token"}
            </Button>
          </div>
        </form>
      )}
    </Dialog>
  );
}
