import { useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { callText } from "../../../api/call.ts";
import type { ApiFailure } from "../../../api/failure.ts";
import { Empty, FailureNote, Loading } from "../../../parts/states.tsx";
import { LogStore } from "../log/log-store.ts";
import { LogView } from "../log/log-view.tsx";

/** A stored text as lines, with its colours, a search, and the first error. */
export function ArtifactText({ job, name }: { job: string; name: string }) {
  const { data, error } = useQuery<string, ApiFailure>({
    queryKey: ["getArtifact", { job, name }, null],
    queryFn: async ({ signal }) => await callText("getArtifact", { params: { job, name } }, signal),
    gcTime: 0,
  });
  if (error && data === undefined) return <FailureNote failure={error} title={`Could not load ${name}.`} />;
  if (data === undefined) return <Loading what={name} />;
  return isText(data) ? <Lines name={name} text={data} /> : <p>This is no text: download it to look at it.</p>;
}

function Lines({ name, text }: { name: string; text: string }) {
  const store = useMemo(() => {
    const made = new LogStore();
    made.takeText(name, text);
    return made;
  }, [name, text]);
  const [line, setLine] = useState<number | null>(null);
  return <LogView store={store} stream={name} isLive={false} line={line} onLine={setLine} label={name} isShort empty={<Empty title="It is empty." />} />;
}

/** Bytes that are no text have characters that no text has. */
function isText(text: string): boolean {
  const begin = text.slice(0, 4_096);
  return !begin.includes("\0") && (begin.match(/\ufffd/g)?.length ?? 0) * 20 <= begin.length;
}
