import { createRootRoute, createRoute, createRouter, lazyRouteComponent } from "@tanstack/react-router";
import { toFailure } from "./api/failure.ts";
import { Empty, FailureNote, Loading } from "./parts/states.tsx";
import { Shell } from "./shell/shell.tsx";

/** The addresses of all pages. Each page is a chunk of its own, loaded when it is first shown. */
export function makeRouter(onSignOut: () => void) {
  const root = createRootRoute({ component: () => <Shell onSignOut={onSignOut} />, notFoundComponent: NotFound });
  const page = <P extends string>(path: P, load: () => Promise<Record<string, unknown>>, name: string) =>
    createRoute({ getParentRoute: () => root, path, component: lazyRouteComponent(load as never, name) });
  const routes = [
    page("/", () => import("./pages/overview/overview-page.tsx"), "OverviewPage"),
    createRoute({
      getParentRoute: () => root,
      path: "/jobs",
      // What the filters say; a page checks what it finds there.
      validateSearch: (search: Record<string, unknown>): Record<string, string> => texts(search),
      component: lazyRouteComponent(() => import("./pages/jobs/jobs-page.tsx"), "JobsPage"),
    }),
    jobRoute("/jobs/$job"),
    jobRoute("/jobs/$job/$tab"),
    page("/new", () => import("./pages/new-job/new-job-page.tsx"), "NewJobPage"),
    page("/repositories", () => import("./pages/repositories/repositories-page.tsx"), "RepositoriesPage"),
    page("/repositories/$repo", () => import("./pages/repositories/repository-page.tsx"), "RepositoryPage"),
    page("/workers", () => import("./pages/workers/workers-page.tsx"), "WorkersPage"),
    page("/backends", () => import("./pages/backends/backends-page.tsx"), "BackendsPage"),
    page("/settings", () => import("./pages/settings/settings-page.tsx"), "SettingsPage"),
    page("/audit", () => import("./pages/audit/audit-page.tsx"), "AuditPage"),
  ] as const;
  function jobRoute<P extends string>(path: P) {
    return createRoute({
      getParentRoute: () => root,
      path,
      validateSearch: (search: Record<string, unknown>): Record<string, string> => texts(search),
      component: lazyRouteComponent(() => import("./pages/job/job-page.tsx"), "JobPage"),
    });
  }
  return createRouter({
    routeTree: root.addChildren(routes),
    defaultPendingComponent: () => <Loading what="the page" />,
    defaultErrorComponent: ({ error }) => <FailureNote failure={toFailure(error)} title="The page failed." />,
    scrollRestoration: true,
    // As people write addresses: the router's own way puts figures into quotes, as what it reads there may be of any type.
    parseSearch: (text) => Object.fromEntries(new URLSearchParams(text)),
    stringifySearch: (search) => {
      const written = String(new URLSearchParams(texts(search)));
      return written === "" ? "" : `?${written}`;
    },
  });
}

/** An address's search as texts: whoever types one may type anything. */
function texts(search: Record<string, unknown>): Record<string, string> {
  return Object.fromEntries(Object.entries(search).flatMap(([key, value]) => (value === undefined || value === null ? [] : [[key, String(value)]])));
}

function NotFound() {
  return (
    <Empty title="There is no such page.">
      <a href="/">Go to the overview</a>
    </Empty>
  );
}

declare module "@tanstack/react-router" {
  interface Register {
    router: ReturnType<typeof makeRouter>;
  }
}
