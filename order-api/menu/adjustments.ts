import { z } from 'zod';
import { announce } from '../../shared/events/announce';
import { rejections } from '../../shared/events/contracts';
import { newId } from '../../shared/ids';
import { insertIntoOutbox, makeEvents } from '../../shared/outbox/write-outbox';
import { id, openEnum, text, timestamp, uuid, wholeNumber } from '../http/fields';
import { exampleIds } from '../http/live-examples';
import { notFound } from '../http/problem';
import { route } from '../http/route';
import { MAX_STOCK } from './add-item';

const adjustmentAnswer = z
  .object({
    adjustment_id: uuid,
    menu_item_id: uuid,
    delta: z.int(),
    reason: z.string(),
    requested_by: z.string().nullable().meta({
      description: '`key:<id of the API key>` or `jwt:<subject>`; null where nobody had to say who they are',
    }),
    status: z.enum(['PENDING', 'APPLIED', 'REJECTED']),
    rejection: openEnum(rejections, 'Why it was rejected: ').nullable(),
    available_qty: z
      .int()
      .nullable()
      .meta({ description: 'Available quantity once it was applied or rejected' }),
    requested_at: timestamp,
    settled_at: timestamp.nullable(),
  })
  .meta({ id: 'Adjustment' });

export const requestAdjustment = route({
  method: 'post',
  path: '/inventory/{menu_item_id}/adjustments',
  name: 'adjustStock',
  example: {
    params: { menu_item_id: exampleIds.item },
    body: { delta: 10, reason: 'Delivery from the market' },
  },
  summary: 'Restock an item, or correct its stock',
  description:
    'inventory-service applies it whole, or rejects it whole where the stock would fall below zero. `Location` tells the outcome.',
  tag: 'Menu and stock',
  params: z.object({ menu_item_id: id }),
  concerns: { item: 'menu_item_id' },
  body: z.strictObject({
    delta: wholeNumber(-MAX_STOCK, MAX_STOCK).refine((delta) => delta !== 0, { error: 'must not be zero' }),
    reason: text(200),
  }),
  answers: {
    202: {
      description: 'Requested',
      schema: adjustmentAnswer,
      example: { reason: 'Delivery from the market', available_qty: null, settled_at: null },
    },
  },
  async handle({ params, body }, { caller, database, log, origin }) {
    const adjustment = { adjustment_id: newId(), menu_item_id: params.menu_item_id, ...body };
    const known = await database.menuItem.findUnique({
      where: { id: params.menu_item_id },
      select: { id: true },
    });
    if (!known) throw notFound(`There is no item ${params.menu_item_id}.`);
    const requestedAt = new Date();
    const events = makeEvents('order-api', [
      announce(origin, 'inventory.adjustment.requested.v1', adjustment.menu_item_id, adjustment),
    ]);
    await database.$executeRaw`
      WITH request AS (
        INSERT INTO adjustment_requests (id, menu_item_id, delta, reason, requested_by, requested_at)
        VALUES (${adjustment.adjustment_id}::uuid, ${adjustment.menu_item_id}::uuid, ${body.delta}::int, ${body.reason}, ${caller.id}, ${requestedAt}::timestamptz)
      )
      ${insertIntoOutbox(events)}`;
    log.info({ event_id: events[0]?.id, ...adjustment }, 'adjustment requested');
    return {
      status: 202,
      headers: {
        Location: `/api/v1/inventory/${adjustment.menu_item_id}/adjustments/${adjustment.adjustment_id}`,
      },
      body: {
        ...adjustment,
        requested_by: caller.id,
        status: 'PENDING',
        rejection: null,
        available_qty: null,
        requested_at: requestedAt.toISOString(),
        settled_at: null,
      },
    };
  },
});

export const getAdjustment = route({
  method: 'get',
  path: '/inventory/{menu_item_id}/adjustments/{adjustment_id}',
  name: 'getAdjustment',
  example: {
    params: { menu_item_id: exampleIds.adjustedItem, adjustment_id: exampleIds.adjustment },
  },
  summary: 'The outcome of an adjustment',
  tag: 'Menu and stock',
  params: z.object({ menu_item_id: id, adjustment_id: id }),
  concerns: { item: 'menu_item_id' },
  answers: {
    200: {
      description: 'Where it stands',
      schema: adjustmentAnswer,
      example: { reason: 'Delivery from the market', status: 'APPLIED' },
    },
  },
  async handle({ params }, { database }) {
    const request = await database.adjustmentRequest.findUnique({
      where: { id: params.adjustment_id, menuItemId: params.menu_item_id },
    });
    if (!request)
      throw notFound(`There is no adjustment ${params.adjustment_id} of item ${params.menu_item_id}.`);
    const outcome = await database.adjustmentOutcome.findUnique({ where: { adjustmentId: request.id } });
    return {
      status: 200,
      body: {
        adjustment_id: request.id,
        menu_item_id: request.menuItemId,
        delta: request.delta,
        reason: request.reason,
        requested_by: request.requestedBy,
        status: outcome?.status ?? 'PENDING',
        rejection: outcome?.rejection ?? null,
        available_qty: outcome?.available ?? null,
        requested_at: request.requestedAt.toISOString(),
        settled_at: outcome?.settledAt.toISOString() ?? null,
      },
    };
  },
});
