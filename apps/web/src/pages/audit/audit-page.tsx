import { PageHead } from "../../parts/card.tsx";

export function AuditPage() {
  return <PageHead title="Audit log" />;
}
