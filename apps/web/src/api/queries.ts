import type { EndpointName, ResponseOf } from "@slipway/protocol/endpoints";
import { keepPreviousData, QueryClient, queryOptions, type UseMutationResult, useMutation, useQueryClient } from "@tanstack/react-query";
import { type Args, call } from "./call.ts";
import { ApiFailure } from "./failure.ts";

/** What an endpoint answers, as a query. Its key begins with the endpoint's name, then its parameters, so that notices of changes can name it. */
export function ask<N extends EndpointName>(name: N, args: Args<N>) {
  const { params = null, query = null } = args as { params?: unknown; query?: unknown };
  return queryOptions<ResponseOf<N>, ApiFailure>({
    queryKey: [name, params, query],
    queryFn: async ({ signal }) => await call(name, args, signal),
    placeholderData: keepPreviousData,
  });
}

/** A call that changes something. What it changes is asked for anew at once, and not when the notice of it comes. */
export function useAct<N extends EndpointName>(name: N): UseMutationResult<ResponseOf<N>, ApiFailure, Args<N>> {
  const client = useQueryClient();
  return useMutation<ResponseOf<N>, ApiFailure, Args<N>>({
    mutationFn: async (args) => await call(name, args),
    onSettled: async () => await client.invalidateQueries({ type: "active" }),
  });
}

/** Answers are kept until a notice says that they are old; a failure that another try cannot mend is shown at once. */
export function makeQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: Number.POSITIVE_INFINITY,
        gcTime: 60_000,
        refetchOnWindowFocus: false,
        retry: (failures, error) => error instanceof ApiFailure && (error.status === 0 || error.status >= 500) && failures < 3,
      },
    },
  });
}
