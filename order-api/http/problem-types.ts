import { STATUS_CODES } from 'node:http';

/** A kind of problem that has a name of its own, for programs to decide by and for people to look up. */
interface ProblemKind {
  /** What the page about it is headed with. */
  title: string;
  status: number;
  meaning: string;
  /** What a client does about it. */
  remedy: string;
  /** What an answer may say: its `detail`, and members beside those that every problem has. */
  example: { detail: string } & Record<string, unknown>;
}

const field = (pointer: string, detail: string, more: object = {}) => ({ pointer, detail, ...more });

/**
 * Every problem type that an answer may have: the one list that code, OpenAPI, the pages below `/problems` and the
 * documentation are held to. A published name keeps its meaning; a new meaning is a new name.
 */
export const problemTypes = {
  'invalid-json': {
    title: 'The body is not JSON that can be read without doubt',
    status: 400,
    meaning:
      'The body is cut short, is not JSON in UTF-8, is nested too deeply, or has an object with the same name twice, of which nobody can tell which one was meant. Nothing was done.',
    remedy: 'Send what a JSON library writes. `detail` says what is wrong and, for a name, `errors` where.',
    example: {
      detail: '#/items/0/quantity is there more than once.',
      errors: [field('#/items/0/quantity', 'is there more than once')],
    },
  },
  'invalid-parameters': {
    title: 'A parameter is not valid',
    status: 400,
    meaning:
      'A parameter in the path, the query or a header is not valid, or is one that the route does not know. Nothing was done.',
    remedy: 'Correct every parameter that `errors` names; `in` says where it is.',
    example: {
      detail: '#/limit: must be a whole number from 1 to 200',
      errors: [field('#/limit', 'must be a whole number from 1 to 200', { in: 'query' })],
    },
  },
  'invalid-request': {
    title: 'A field of the body is not valid',
    status: 422,
    meaning: 'The body is JSON, but not what the route takes. Nothing was done.',
    remedy: 'Correct every field that `errors` names. The same body will be refused again.',
    example: {
      detail: '#/items/0/quantity: must be from 1 to 100000',
      errors: [field('#/items/0/quantity', 'must be from 1 to 100000')],
    },
  },
  unauthenticated: {
    title: 'It is not known who calls',
    status: 401,
    meaning:
      'The request has no API key and no token, or one that is not good: forged, expired, revoked, or meant for somebody else. Nothing was done.',
    remedy:
      'Send a good one as `Authorization: Bearer …`; `WWW-Authenticate` says what was wrong with this one.',
    example: {
      detail: 'Say who you are: send an API key or a token as `Authorization: Bearer …`.',
    },
  },
  forbidden: {
    title: 'Who calls may not do that',
    status: 403,
    meaning:
      'It is known who calls, and their role, scope or restaurant does not allow it. Nothing was done.',
    remedy: 'Use a key or a token that may, or ask whoever runs the shop for one.',
    example: { detail: 'This is not for a customer to do.' },
  },
  'rate-limited': {
    title: 'Too many requests',
    status: 429,
    meaning: 'More came from this caller or address than may in a while. Nothing was done.',
    remedy:
      'Send the same request again after the seconds that `Retry-After` says; `RateLimit` says how much is left.',
    example: {
      detail:
        'More than 600 requests in 60 s with this key. Nothing was done; try again after `Retry-After`.',
    },
  },
  'illegal-move': {
    title: 'The order cannot become that from where it is',
    status: 409,
    meaning: 'The life of an order has no such step from its current status. Nothing was done.',
    remedy: 'Read the order again and decide anew: `allowed_statuses` lists what it can become.',
    example: {
      detail: 'The order is DELIVERED and cannot become CANCELLED; that is final.',
      current_status: 'DELIVERED',
      allowed_statuses: [],
    },
  },
  'not-a-draft': {
    title: 'The order is no draft any more',
    status: 409,
    meaning: 'Only a DRAFT can be changed or approved, and this order is something else. Nothing was done.',
    remedy: 'Read the order: somebody has approved or cancelled it. `current_status` says where it stands.',
    example: {
      detail: 'The order is PLACED; only the lines of a DRAFT can be replaced.',
      current_status: 'PLACED',
    },
  },
  'not-orderable': {
    title: 'Some of the draft cannot be ordered any more',
    status: 409,
    meaning:
      'Since the draft was made, an item of it has left the menu or is off sale. The draft is as it was.',
    remedy: 'Replace the lines that `items` names, and approve again.',
    example: {
      detail: 'Nothing was placed: Masala Dosa is not on sale at the moment.',
      items: [
        {
          menu_item_id: '018f0000-0000-7000-8000-000000000002',
          name: 'Masala Dosa',
          problem: 'is not on sale at the moment',
        },
      ],
    },
  },
  'price-changed': {
    title: 'The order comes to another sum than expected',
    status: 409,
    meaning:
      'At the prices of the menu as it is now, the order does not come to `expected_total`. Nothing was placed.',
    remedy:
      'Show whoever orders the new lines and total, which `items` and `total_amount` have, and send it again with that.',
    example: {
      detail: 'The order now comes to 900.00 INR, not to 840.00; nothing was placed.',
      total_amount: 900,
      currency: 'INR',
      items: [
        {
          menu_item_id: '018f0000-0000-7000-8000-000000000002',
          sku: 'DOSA-1',
          name: 'Masala Dosa',
          price: '450.00',
          quantity: 2,
          note: null,
        },
      ],
    },
  },
  'restaurant-closed': {
    title: 'The restaurant takes no orders',
    status: 409,
    meaning:
      'Its staff has closed it (`accepting_orders` is false). Nothing was placed; drafts can still be made.',
    remedy: 'Try again when it is open: `GET /restaurants/{id}` says whether it is.',
    example: { detail: 'The restaurant takes no orders at the moment; nothing was placed.' },
  },
  'out-of-stock': {
    title: 'There is too little in stock',
    status: 409,
    meaning:
      'The order was to be refused rather than cancelled later (`Prefer: handling=strict`), and its items are visibly short. Nothing was placed.',
    remedy: 'Order what there is: `shortages` says how much of each item is left.',
    example: {
      detail: 'Not enough in stock: Masala Dosa (2 ordered, 1 left). Nothing was placed.',
      shortages: [
        {
          menu_item_id: '018f0000-0000-7000-8000-000000000002',
          name: 'Masala Dosa',
          requested: 2,
          available: 1,
        },
      ],
    },
  },
  'idempotency-key-in-use': {
    title: 'A request with this key is being worked on',
    status: 409,
    meaning: 'The first request with this `Idempotency-Key` has not been answered yet.',
    remedy: 'Send the same request with the same key after the seconds that `Retry-After` says.',
    example: {
      detail:
        'A request with this Idempotency-Key is being worked on; ask again in a moment, with the same key.',
    },
  },
  'idempotency-key-reused': {
    title: 'The key was used for another request',
    status: 422,
    meaning: 'This `Idempotency-Key` belongs to a request with another body. Nothing was done.',
    remedy: 'Use a new key for a new request, and the same one only to send the same request again.',
    example: {
      detail:
        'This Idempotency-Key was used for a request with another body; nothing was done. Use a new key for a new request.',
    },
  },
  'sku-taken': {
    title: 'Another item has this sku',
    status: 409,
    meaning: 'A sku is unique within its restaurant. Nothing was added.',
    remedy: 'Use another sku, or change the item that has it.',
    example: {
      detail: 'The restaurant has an item with the sku DOSA-1 already.',
      errors: [field('#/sku', 'is taken by another item of this restaurant')],
    },
  },
  'too-many-webhooks': {
    title: 'There are as many webhooks as there may be',
    status: 409,
    meaning: 'The restaurant, or the shop, has 1000 webhooks. Nothing was added.',
    remedy: 'Remove one that is not needed any more.',
    example: {
      detail: 'There are 1000 webhooks of the whole shop already; remove one first. Nothing was added.',
    },
  },
  'webhook-off': {
    title: 'The webhook is paused or disabled',
    status: 409,
    meaning: 'Nothing is sent to it, so nothing can be sent again. Nothing was done.',
    remedy: 'Switch it on (`PATCH` with `paused: false`), and ask again.',
    example: { detail: 'The webhook is paused; switch it on first. Nothing was done.' },
  },
  'version-mismatch': {
    title: 'The order is at another version',
    status: 412,
    meaning:
      'Since it was read, the order has changed: it is not at the version that `If-Match` names. Nothing was done.',
    remedy: 'Read it again and decide anew; `current_version` and `ETag` say where it is.',
    example: {
      detail: 'The order is at version 3, not at "2"; nothing was done. Read it again.',
      current_version: 3,
    },
  },
  overloaded: {
    title: 'More is asked for than can be taken on',
    status: 503,
    meaning: 'Too many requests are in progress, or too many orders wait. Nothing was done.',
    remedy: 'Send the same request again after the seconds that `Retry-After` says.',
    example: {
      detail:
        '200 requests are in progress here, and more are not taken on. Nothing was done; try again after `Retry-After`.',
    },
  },
  paused: {
    title: 'No changes are taken at the moment',
    status: 503,
    meaning:
      'Whoever runs the shop has paused order-api for a while. What is there can be read. Nothing was done.',
    remedy: 'Send the same request again after the seconds that `Retry-After` says.',
    example: {
      detail: 'The shop takes no changes at the moment. Nothing was done; try again after `Retry-After`.',
    },
  },
  'card-payments-not-set-up': {
    title: 'Card payments are not set up',
    status: 503,
    meaning: 'Whoever runs the API has set no key for card tokens. Nothing was done.',
    remedy: 'Pay by CASH, or ask the operator to set `CARD_TOKEN_KEY`.',
    example: { detail: 'Orders cannot be paid by card here: CARD_TOKEN_KEY is not set. Nothing was done.' },
  },
} as const satisfies Record<string, ProblemKind>;

export type ProblemType = keyof typeof problemTypes;

/** An answer of that type, or of none but its status, as an example. */
export const exampleOfProblem = (
  type: ProblemType | undefined,
  status: number,
  instance: string,
): Record<string, unknown> => {
  const { detail, ...members } = type ? problemKind(type).example : { detail: DETAILS[status] ?? '…' };
  return {
    type: type ? problemUrn(type) : 'about:blank',
    title: STATUS_CODES[status],
    status,
    detail,
    ...(type ? { help: problemPage(type) } : {}),
    ...members,
    instance,
    correlation_id: '018f0000-0000-7000-8000-00000000000c',
  };
};

/** What problems say that have no type of their own. */
const DETAILS: Record<number, string> = {
  400: 'The query is not valid: its percent-encoding is not UTF-8.',
  404: 'There is no order 018f0000-0000-7000-8000-000000000003.',
  413: 'The body may have 262144 bytes at most.',
  415: 'The body has to be application/json; its content type is text/plain.',
  503: 'The database does not answer or is busy; try again. What was to be changed may have been: look before you repeat it.',
};

export const problemKind = (type: ProblemType): ProblemKind => problemTypes[type];

export const problemNames = Object.keys(problemTypes) as ProblemType[];

export const isProblemType = (name: string): name is ProblemType => Object.hasOwn(problemTypes, name);

/** What an answer has as its `type`. */
export const problemUrn = (type: ProblemType): string => `urn:ordermesh:problem:${type}`;

/** Where people find out about it: a URN leads nowhere by itself. */
export const problemPage = (type: ProblemType): string => `/problems/${type}`;

/** Which problems a route may answer, and what they mean there, by type; by status where they have none. */
export type RouteProblems = Partial<Record<ProblemType | number, string>>;
