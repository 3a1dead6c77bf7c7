import { z } from 'zod';
import { id } from '../http/fields';
import { exampleIds } from '../http/live-examples';
import { route } from '../http/route';
import { orderWithHistory, readOrderRow } from './order-view';

export const getOrder = route({
  method: 'get',
  path: '/orders/{id}',
  name: 'getOrder',
  replicaMayAnswer: true,
  example: { params: { id: exampleIds.order } },
  summary: 'An order and its history',
  tag: 'Orders',
  params: z.object({ id }),
  concerns: { order: 'id' },
  versioned: true,
  answers: { 200: { description: 'The order', schema: orderWithHistory } },
  async handle({ params }, { caller, database, preconditions }) {
    const { shown, versionSaysAll } = await readOrderRow(database, params.id, caller);
    const { version } = shown;
    if (versionSaysAll && preconditions.hasAlready(version)) return { status: 304, version, body: undefined };
    return { status: 200, version, body: shown };
  },
});
