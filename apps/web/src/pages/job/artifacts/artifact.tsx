import { lazy, Suspense } from "react";
import { Loading } from "../../../parts/states.tsx";

const ArtifactText = lazy(async () => ({ default: (await import("./artifact-text.tsx")).ArtifactText }));

/** An artifact as text; what shows it is loaded when somebody first looks at one. */
export function Artifact({ job, name }: { job: string; name: string }) {
  return (
    <Suspense fallback={<Loading what={name} />}>
      <ArtifactText job={job} name={name} />
    </Suspense>
  );
}
