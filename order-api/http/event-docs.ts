import { Router } from 'express';
import { asyncApiDocument } from '../../shared/events/asyncapi';
import { currentConsumers } from '../../shared/messaging/subscriptions';
import { EVENTS_EXCHANGE } from '../../shared/messaging/topology';
import type { Database } from '../../shared/service/database';
import { readingPage } from './browsers';
import { onlyGet } from './docs';
import { eventsPage } from './events-page';

/**
 * `/asyncapi.json`, and `/docs/events`, which shows it. Who consumes what is read from the mesh's record, so that
 * services are in it that this one has never heard of; while the database is away, none are.
 */
export function serveEventDocs(database: Database): Router {
  const router = Router({ caseSensitive: true });
  const document = async () =>
    asyncApiDocument(EVENTS_EXCHANGE, await currentConsumers(database).catch(() => []));
  router.all(['/asyncapi.json', '/docs/events'], onlyGet);
  router.get('/asyncapi.json', async (_request, response) => void response.json(await document()));
  router.get(
    '/docs/events',
    readingPage,
    async (_request, response) => void response.type('html').send(eventsPage(await document())),
  );
  return router;
}
