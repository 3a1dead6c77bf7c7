import { z } from 'zod';
import { moveOrders, type MoveRequest } from '../../shared/lifecycle/move-orders';
import type { OrderStatus } from '../../shared/lifecycle/order-lifecycle';
import { writeOutbox } from '../../shared/outbox/write-outbox';
import { actorFor } from '../access/own';
import { id, lines } from '../http/fields';
import { exampleIds } from '../http/live-examples';
import { notFound, Problem } from '../http/problem';
import type { Answer } from '../http/answer';
import { route, type RouteContext } from '../http/route';
import { movedAnswer, status } from './fields';

/** Moves an order for a person and announces it, in one transaction. @throws {Problem} 404, 409 */
async function move(wish: MoveRequest, { database, log, preconditions }: RouteContext): Promise<Answer> {
  const request = { ...wish, precondition: (version: number) => preconditions.check(version) };
  const { outcome, events } = await database.$transaction(async (tx) => {
    const [outcome] = await moveOrders(tx, [request]);
    // A draft is placed by its approval, at that day's prices and with its event; thrown here, nothing of it stays.
    if (outcome?.kind === 'moved' && request.to === 'PLACED')
      throw illegalMove('PLACED', 'DRAFT', ['CANCELLED']);
    const events = outcome?.kind === 'moved' ? await writeOutbox(tx, 'order-api', outcome.announcements) : [];
    return { outcome, events };
  });
  if (!outcome || outcome.kind === 'unknown') throw notFound(`There is no order ${request.orderId}.`);
  if (outcome.kind === 'illegal') {
    const allowed = outcome.allowed.filter((status) => status !== 'PLACED'); // that is the approval's
    throw illegalMove(request.to, outcome.status, allowed);
  }
  if (outcome.kind === 'moved') {
    log.info(
      { order_id: request.orderId, event_id: events[0]?.id, status: request.to, actor: request.actor },
      'order moved',
    );
  }
  const message =
    outcome.kind === 'moved'
      ? movedMessage(request.to)
      : `The order is ${request.to} already; nothing was done.`;
  const { version } = outcome;
  return { status: 200, version, body: { order_id: request.orderId, status: request.to, message, version } };
}

const movedMessage = (to: OrderStatus) => `The order is now ${to}.`;

function illegalMove(to: OrderStatus, current: OrderStatus, allowed: OrderStatus[]): Problem {
  const next = allowed.length > 0 ? `from there it can become ${allowed.join(' or ')}` : 'that is final';
  return new Problem(409, 'Conflict', `The order is ${current} and cannot become ${to}; ${next}.`, {
    type: 'illegal-move',
    members: { current_status: current, allowed_statuses: allowed },
  });
}

export const changeStatus = route({
  method: 'patch',
  path: '/orders/{id}/status',
  name: 'moveOrder',
  example: { params: { id: exampleIds.orderToMove }, body: { status: 'OUT_FOR_DELIVERY' } },
  summary: 'Change the status of an order, as staff',
  description: 'To OUT_FOR_DELIVERY, DELIVERED or CANCELLED. Only the mesh sets PREPARING.',
  tag: 'Orders',
  params: z.object({ id }),
  concerns: { order: 'id' },
  body: z.strictObject({ status }),
  versioned: true,
  answers: {
    200: {
      description: 'Moved, or there already',
      schema: movedAnswer,
      example: { status: 'OUT_FOR_DELIVERY', version: 3, message: movedMessage('OUT_FOR_DELIVERY') },
    },
  },
  problems: {
    'illegal-move':
      'Not from its current status; `current_status` and `allowed_statuses` say what is possible',
  },
  handle({ params, body }, context) {
    const { caller, origin } = context;
    const asked = { orderId: params.id, actor: 'STAFF', by: caller.id, origin } as const;
    if (body.status === 'CANCELLED') return move({ ...asked, to: 'CANCELLED', reason: 'STAFF' }, context);
    return move({ ...asked, to: body.status }, context);
  },
});

export const cancelOrder = route({
  method: 'post',
  path: '/orders/{id}/cancel',
  name: 'cancelOrder',
  example: {
    params: { id: exampleIds.orderToCancel },
    body: { by: 'CUSTOMER', note: 'Ordered by mistake' },
  },
  summary: 'Cancel an order',
  description: 'From any status before DELIVERED. Its stock is returned.',
  tag: 'Orders',
  params: z.object({ id }),
  concerns: { order: 'id' },
  body: z.strictObject({
    by: z.enum(['CUSTOMER', 'STAFF'], { error: 'must be CUSTOMER or STAFF' }).optional().meta({
      description: 'Who wants it. Default: STAFF for staff, else CUSTOMER. Only an admin may name either',
    }),
    note: lines(500).optional(),
  }),
  bodyOptional: true,
  versioned: true,
  answers: {
    200: {
      description: 'Cancelled, now or earlier',
      schema: movedAnswer,
      example: { status: 'CANCELLED', version: 3, message: movedMessage('CANCELLED') },
    },
  },
  problems: { 'illegal-move': 'It is DELIVERED' },
  async handle({ params, body }, context) {
    const { caller, origin } = context;
    const actor = actorFor(caller, body.by);
    const asked = { orderId: params.id, actor, by: caller.id, origin } as const;
    return move({ ...asked, to: 'CANCELLED', reason: actor, note: body.note }, context);
  },
});
