import type { Announcement } from '../events/announce';
import type { EventType } from '../events/contracts';
import type { Event } from '../events/envelope';
import type { Tx } from '../service/database';

/**
 * A handler: from events to events. It is given a batch of events of one type in the order in which
 * they arrived, each for the first time as far as `processed_events` knows, inside a transaction that
 * commits only if the whole batch succeeds; what it returns goes to the outbox in the same transaction.
 *
 * It never publishes, acknowledges, opens a transaction or calls the network: all that it does can be rolled back, and is
 * done again in another transaction where an event was not new after all. Throwing fails the batch; the runtime then tries
 * the events one by one, so that only the guilty one fails. Locks are taken in one order everywhere: the service's own rows
 * for the orders by id, then stock by item id.
 *
 * Each answer that it awaits is a round trip. Statements that do not need each other's answers can be sent together
 * (`Promise.all`; they are done in the order in which they were sent), and what it only has to `write` travels with the
 * commit: see shared/service/transaction.ts.
 */
export type Handler<T extends EventType> = (tx: Tx, events: Event<T>[]) => Promise<Announcement[]>;

/** What a service handles; its keys are its subscriptions and its bindings. */
export type HandlerTable = { [T in EventType]?: Handler<T> };

export const subscribedTypes = (handlers: HandlerTable): EventType[] => Object.keys(handlers) as EventType[];
