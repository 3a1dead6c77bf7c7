import createFetchClient, { type Client } from 'openapi-fetch';
import { followStream, type FollowOptions } from './follow';
import { problemFrom } from './problem';
import { KeepingRequest, retryingFetch, type RetryOptions } from './retrying-fetch';
import type { operations, paths } from './schema';

export interface ClientOptions extends RetryOptions {
  /** Where order-api is: `http://127.0.0.1:8000`. */
  baseUrl: string;
  /** An API key or an OpenID token, or how to get one; it is asked for with every request. */
  token?: string | (() => string | Promise<string>);
}

type Body<O extends keyof operations, S extends number> = operations[O] extends {
  responses: Record<S, { content: { 'application/json': infer B } }>;
}
  ? B
  : never;
type Query<O extends keyof operations> = Omit<
  NonNullable<operations[O]['parameters'] extends { query?: infer Q } ? Q : never>,
  'cursor'
>;

export type Order = Body<'getOrder', 200>;
export type ListedOrder = Body<'listOrders', 200>['orders'][number];
export type Restaurant = Body<'listRestaurants', 200>['restaurants'][number];
export type MenuItem = Body<'getMenu', 200>['items'][number];
/** A change of an order, as its stream tells it. */
export type Move = Extract<StreamOf<'followOrder'>, { event: 'move' }>['data'];
type StreamOf<O extends 'followOrder' | 'followRestaurant'> = operations[O] extends {
  responses: { 200: { content: { 'text/event-stream': infer E } } };
}
  ? E
  : never;

/** What a stream tells of an order: how it is, and then each change. */
export type OrderEvent =
  { id: string; event: 'order'; data: Order } | { id: string; event: 'move'; data: Move };
export type RestaurantEvent =
  StreamOf<'followRestaurant'> extends infer E
    ? E extends { event: infer N; data: infer D }
      ? { id: string; event: N; data: D }
      : never
    : never;

/** The typed client: openapi-fetch's methods, and what is more than one request. */
export interface OrdermeshClient extends Pick<Client<paths>, 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'> {
  /** Every order that fits, page after page. */
  orders(query?: Query<'listOrders'>): AsyncGenerator<ListedOrder, void, undefined>;
  restaurants(query?: Query<'listRestaurants'>): AsyncGenerator<Restaurant, void, undefined>;
  menu(restaurantId: string, query?: Query<'getMenu'>): AsyncGenerator<MenuItem, void, undefined>;
  /** Follows an order to its end: DELIVERED or CANCELLED. */
  followOrder(orderId: string, options?: FollowOptions): AsyncGenerator<OrderEvent, void, undefined>;
  /** Follows all orders of a restaurant, until its signal. */
  followRestaurant(
    restaurantId: string,
    options?: FollowOptions,
  ): AsyncGenerator<RestaurantEvent, void, undefined>;
}

/** A client of the API. Requests are sent again where that is safe and may help; see {@link retryingFetch}. */
export function createClient({ baseUrl, token, ...retry }: ClientOptions): OrdermeshClient {
  const authorization = async () => {
    const value = typeof token === 'function' ? await token() : token;
    return value === undefined ? undefined : `Bearer ${value}`;
  };
  const client = createFetchClient<paths>({
    baseUrl,
    Request: KeepingRequest,
    fetch: retryingFetch(retry),
  });
  client.use({
    onRequest: async ({ request }) => {
      const value = await authorization();
      if (value) request.headers.set('Authorization', value);
      return request;
    },
    onResponse: ({ response }) => {
      // A proxy's or a portal's page is no answer of the API's, whatever its status.
      if (response.ok && response.headers.get('content-type')?.startsWith('text/html'))
        throw problemFrom(response, undefined);
    },
  });

  async function connect(path: string, last: string | undefined, signal: AbortSignal | undefined) {
    const value = await authorization();
    const headers = {
      accept: 'text/event-stream',
      ...(value ? { authorization: value } : {}),
      ...(last === undefined ? {} : { 'last-event-id': last }),
    };
    const url = `${baseUrl.replace(/\/$/, '')}/api/v1${path}`;
    return (retry.fetch ?? globalThis.fetch)(new Request(url, { headers }), signal && { signal });
  }
  const follow = (path: string, options: FollowOptions = {}) =>
    followStream((last, signal) => connect(path, last, signal), options);

  return {
    GET: client.GET,
    POST: client.POST,
    PUT: client.PUT,
    PATCH: client.PATCH,
    DELETE: client.DELETE,
    orders: (query = {}) =>
      pages(async (cursor) => {
        const page = await ok(client.GET('/api/v1/orders', { params: { query: { ...query, cursor } } }));
        return { entries: page.orders, next: page.next_cursor };
      }),
    restaurants: (query = {}) =>
      pages(async (cursor) => {
        const page = await ok(client.GET('/api/v1/restaurants', { params: { query: { ...query, cursor } } }));
        return { entries: page.restaurants, next: page.next_cursor };
      }),
    menu: (id, query = {}) =>
      pages(async (cursor) => {
        const parameters = { path: { id }, query: { ...query, cursor } };
        const page = await ok(client.GET('/api/v1/restaurants/{id}/menu', { params: parameters }));
        return { entries: page.items, next: page.next_cursor };
      }),
    followOrder: (id, options) =>
      toItsEnd(
        follow(`/orders/${encodeURIComponent(id)}/events`, options) as AsyncGenerator<
          OrderEvent,
          void,
          undefined
        >,
      ),
    followRestaurant: (id, options) =>
      follow(`/restaurants/${encodeURIComponent(id)}/orders/events`, options) as AsyncGenerator<
        RestaurantEvent,
        void,
        undefined
      >,
  };
}

/**
 * The body of an answer.
 * @throws {ProblemError} where it is no success
 */
export async function ok<T>(
  answer: Promise<{ data?: T; error?: unknown; response: Response }>,
): Promise<NonNullable<T>> {
  const { data, error, response } = await answer;
  const isEmpty = data === undefined || data === null;
  // Nothing is what 204 has to say.
  if (!response.ok || (isEmpty && response.status !== 204)) throw problemFrom(response, error);
  return data as NonNullable<T>;
}

/** An order's events; what comes after the last one is not waited for. */
async function* toItsEnd(
  events: AsyncGenerator<OrderEvent, void, undefined>,
): AsyncGenerator<OrderEvent, void, undefined> {
  for await (const told of events) {
    yield told;
    const status = told.event === 'order' ? told.data.status : told.data.to;
    if (status === 'DELIVERED' || status === 'CANCELLED') return;
  }
}

async function* pages<T>(
  read: (cursor: string | undefined) => Promise<{ entries: T[]; next: string | null }>,
): AsyncGenerator<T, void, undefined> {
  for (let cursor: string | undefined; ;) {
    const { entries, next } = await read(cursor);
    yield* entries;
    if (next === null) return;
    cursor = next;
  }
}
