import { DBOS } from '@dbos-inc/dbos-sdk';
import { ready } from '../serve.mjs';
import { launch, QUEUE } from './queue.mjs';

await launch();
await DBOS.registerQueue(QUEUE, { workerConcurrency: 50, minPollingIntervalMs: 20 });
ready();
