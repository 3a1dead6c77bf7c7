import { asyncApiDocument } from '../shared/events/asyncapi';
import { discoverSubscriptions } from '../shared/messaging/declare-mesh';
import { EVENTS_EXCHANGE } from '../shared/messaging/topology';
import { BASE } from './app';
import { openApiDocument } from './http/openapi';
import { routes } from './routes';

/** What this service promises to others, as the code has it; `npm run contracts` keeps copies. */
export const contracts = (): Record<string, object> => ({
  openapi: openApiDocument(routes, BASE),
  asyncapi: asyncApiDocument(EVENTS_EXCHANGE, discoverSubscriptions()),
});
