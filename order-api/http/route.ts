import type { z } from 'zod';
import type { Origin } from '../../shared/events/announce';
import type { CardTokenKeys } from '../../shared/payment/card-token';
import type { Database } from '../../shared/service/database';
import type { Caller } from '../access/caller';
import type { Concern } from '../access/concern';
import type { RouteName } from '../access/policy';
import type { Live } from '../live/live';
import type { Backlog } from '../orders/backlog';
import type { OrderIntake } from '../orders/order-intake';
import type { Logger } from '../../shared/service/logger';
import type { IdempotencyKey } from '../idempotency/key';
import type { Preferences } from './prefer';
import type { Answer } from './answer';
import type { RouteProblems } from './problem-types';
import type { Preconditions } from './versions';

/** What a route's code is given beside its validated input. */
export interface RouteContext {
  database: Database;
  /** Who asks. What is another's is kept from them by the route's `concerns`, or by its own look at this. */
  caller: Caller;
  /** Bound to this request's correlation id. */
  log: Logger;
  /** The chain that this request begins. */
  origin: Origin;
  /** Takes new orders. */
  intake: OrderIntake;
  /** Orders that wait for the mesh. */
  backlog: Backlog;
  /** Seals card tokens; where there is none, no order can be paid by card. */
  cardTokenKey?: CardTokenKeys;
  /** The request's `Idempotency-Key`, where the route `commitsKey`; the others need not know. */
  key?: IdempotencyKey | undefined;
  /** Streams of events. */
  live: Live;
  /** `Last-Event-ID`, as it was sent; of interest where the route `streams`. */
  lastEventId: string | undefined;
  /** Whether webhooks may be sent to addresses that only this machine or network reaches. */
  allowPrivateWebhooks: boolean;
  /** How long a draft is kept after its last change. */
  draftDeadlineMs: number;
  /** `If-Match` and `If-None-Match`; of interest where the route is `versioned`. */
  preconditions: Preconditions;
  /** `Prefer`. */
  preferences: Preferences;
}

/** A route as data: it is served, validated and documented from this alone. */
export interface Route {
  method: 'get' | 'post' | 'put' | 'patch' | 'delete';
  /** Below /api/v1, parameters in braces: `/orders/{id}`. */
  path: string;
  /** The operation's id in OpenAPI, a verb: `placeOrder`; who may, is in `policy` under this name. */
  name: RouteName;
  summary: string;
  description?: string;
  tag: string;
  params?: z.ZodObject;
  /** What it is about, where not everybody may do it with everything. */
  concerns?: Concern;
  query?: z.ZodObject;
  body?: z.ZodType;
  /** A request that is good as it stands; ids in it are {@link exampleIds}. */
  example?: { params?: Record<string, string>; body?: Record<string, unknown> };
  /** For the documentation: `{}` is a good body, and none at all counts as `{}`. */
  bodyOptional?: boolean;
  /** Its order has a version: `ETag` is answered, and `If-Match` (for GET `If-None-Match`) is heeded. */
  versioned?: boolean;
  /** A replica may answer it, where there is one that has all that was committed before the request. */
  replicaMayAnswer?: boolean;
  /** It commits the idempotency key itself, with what it does; otherwise that is done around it, in one transaction. */
  commitsKey?: boolean;
  /** Its 200 is Server-Sent Events; the schema is that of each of them. */
  streams?: boolean;
  /** Its 200 may be had as CSV (`Accept: text/csv`): the answer's `table`. */
  csv?: boolean;
  /** Whether `Prefer` may hold its answer (`wait`) or make it rather refuse (`handling=strict`). */
  prefers?: boolean;
  /** Done when all is committed, and not counted among the requests in progress: it may take its time. */
  afterwards?: (answer: Answer, context: RouteContext, gone: AbortSignal) => Promise<Answer>;
  /**
   * What it answers when all is well, by status; without a schema, without a body. `example` is what its example has that
   * the schema cannot know.
   */
  answers: Record<
    number,
    { description: string; schema?: z.ZodType; example?: Record<string, unknown> | undefined }
  >;
  /** Which problems it may answer, beside those that every route may: by type, or by status where they have none. */
  problems?: RouteProblems;
  handle(input: { params: unknown; query: unknown; body: unknown }, context: RouteContext): Promise<Answer>;
}

type Output<S> = S extends z.ZodType ? z.output<S> : undefined;

/** Gives a route's code the types of its schemas. */
export function route<
  P extends z.ZodObject | undefined = undefined,
  Q extends z.ZodObject | undefined = undefined,
  B extends z.ZodType | undefined = undefined,
>(
  definition: Omit<Route, 'handle' | 'params' | 'query' | 'body'> & {
    params?: P;
    query?: Q;
    body?: B;
    handle: (
      input: { params: Output<P>; query: Output<Q>; body: Output<B> },
      context: RouteContext,
    ) => Promise<Answer>;
  },
): Route {
  return definition as Route;
}
