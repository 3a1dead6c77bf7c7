export { createClient, ok } from './client';
export type {
  ClientOptions,
  ListedOrder,
  MenuItem,
  Move,
  Order,
  OrderEvent,
  OrdermeshClient,
  Restaurant,
  RestaurantEvent,
} from './client';
export { isProblem, ProblemError } from './problem';
export type { FieldError, ProblemBody, ProblemMembers, ProblemName } from './problem';
export type { paths, components, operations } from './schema';
