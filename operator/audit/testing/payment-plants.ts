import { newId } from '../../../shared/ids';
import type { Audited } from './audited';
import { bookedAsKept, bookedPayment } from './booked';
import { cardStories, payments, stories } from './stories';
import type { OrderStory } from './written-history';

/** Each breaks one promise about money; what it answers is all that the audit may name. */
export const paymentPlants = (audited: () => Audited): Record<string, () => Promise<string[]>> => {
  const order = (story: OrderStory) => audited().history.order(story);
  const told = (type: string, id: string) => audited().history.published(type, id);
  const sql = (...statements: string[]) => audited().sql(...statements);
  const ofEach = (names: string[], id: string) => names.map((name) => `${name}: ${id}`);
  const { cardRefunded, cardVoided, cardPrepared } = cardStories;

  return {
    'captured money of a cancelled order': async () =>
      ofEach(['cancelled-captures'], order({ ...cardRefunded, payment: payments.captured })),
    'a refund that is no refund of all': async () => {
      const id = order(cardRefunded);
      await sql(`UPDATE payment_ledger SET amount = 299.99 WHERE order_id = '${id}' AND kind = 'REFUNDED'`);
      return ofEach(['cancelled-captures', 'payment-amounts'], id);
    },
    'an authorisation of a cancelled order': async () =>
      ofEach(['cancelled-authorizations'], order({ ...cardVoided, payment: payments.authorized })),
    'a void that nobody asks for any more': async () => {
      const moves: [string, string][] = [...payments.authorized.moves, ['VOIDING', 'order_cancelled']];
      const due = { nextAttemptAt: audited().history.at, attempts: 3, lastError: 'no answer' };
      const id = order({ ...cardVoided, payment: { ...payments.authorized, moves, ...due } });
      return ofEach(['cancelled-authorizations', 'payments-settled'], id);
    },
    'an order that is prepared and was never authorised': async () => {
      const { payment: _, ...story } = cardPrepared;
      return ofEach(['paid-orders', 'charged-orders'], order({ ...story, card: true }));
    },
    'an order that was prepared without a card, and cancelled': async () => {
      const { payment: _, ...story } = cardRefunded;
      return ofEach(['paid-orders'], order({ ...story, card: true }));
    },
    'an order that is prepared and not charged': async () =>
      ofEach(['charged-orders'], order({ ...cardPrepared, payment: payments.authorized })),
    'a placed order whose card nobody asks about': async () => {
      const payment = { ...payments.begun, nextAttemptAt: audited().history.at };
      return ofEach(['placed-orders', 'payments-settled'], order({ ...stories.placed, payment }));
    },
    'a placed order that has its stock and its card': async () => {
      const has = {
        reservation: 'DEDUCTED',
        stock: [-1 as const],
        events: ['inventory.deducted.success.v1'],
      };
      return ofEach(['placed-orders'], order({ ...stories.placed, ...has, payment: payments.authorized }));
    },
    'card tokens that have served, and one of nobody': async () => {
      const { cardPrepared: prepared, cardDeclined } = audited().orders;
      const nobodys = newId();
      for (const id of [prepared, cardDeclined, nobodys]) audited().history.cardToken(id);
      return [prepared, cardDeclined, nobodys].map((id) => `card-tokens: ${id}`);
    },
    'payments of nobody, of a draft, and for what is paid in cash': async () => {
      const [nobodys, { draft, draftDropped, onItsWay }] = [newId(), audited().orders];
      for (const id of [nobodys, draft, draftDropped, onItsWay])
        await sql(
          `INSERT INTO payments (id, order_id, restaurant_id, amount, currency, state, correlation_id)
          VALUES ('${newId()}', '${id}', '${newId()}', 300, 'INR', 'FAILED', 'c')`,
          `INSERT INTO payment_moves (payment_id, order_id, from_state, to_state, cause)
          SELECT id, order_id, NULL, 'AUTHORIZING', 'order_placed' FROM payments WHERE order_id = '${id}'
          UNION ALL SELECT id, order_id, 'AUTHORIZING', 'FAILED', 'declined' FROM payments WHERE order_id = '${id}'`,
        );
      for (const id of [nobodys, draft, draftDropped, onItsWay]) told('payment.failed.v1', id);
      return [nobodys, draft, draftDropped, onItsWay].map((id) => `payment-owners: ${id}`);
    },
    'money in the ledger that no payment explains': async () => {
      const id = order(stories.prepared);
      await sql(`INSERT INTO payment_ledger (payment_id, order_id, kind, amount, currency)
        VALUES ('${newId()}', '${id}', 'AUTHORIZED', 300, 'INR')`);
      return ofEach(['payment-owners', 'payments-announced'], id);
    },
    'sums and currencies that are not the order’s': async () => {
      const ids = [order(cardPrepared), order(cardPrepared), order(cardPrepared), order(cardPrepared)];
      const [cost, currency, authorized, captured] = ids;
      await sql(
        `UPDATE payments SET amount = 299, currency = 'INR' WHERE order_id = '${cost}'`,
        `UPDATE payment_ledger SET currency = 'USD' WHERE order_id = '${currency}' AND kind = 'CAPTURED'`,
        `UPDATE payment_ledger SET amount = 200 WHERE order_id = '${authorized}' AND kind = 'AUTHORIZED'`,
        `UPDATE payment_ledger SET amount = 301 WHERE order_id = '${captured}' AND kind = 'CAPTURED'`,
      );
      return ids.map((id) => `payment-amounts: ${id}`);
    },
    'an order that is charged twice': async () => {
      const id = order(cardPrepared);
      await sql(`INSERT INTO payment_ledger (payment_id, order_id, kind, amount, currency)
        SELECT payment_id, order_id, kind, amount, currency FROM payment_ledger WHERE order_id = '${id}' AND kind = 'CAPTURED'`);
      return ofEach(['payment-amounts', 'payments-announced'], id);
    },
    'an order with two payments': async () => {
      const id = order(cardVoided);
      const second = newId();
      await sql(
        `INSERT INTO payments (id, order_id, restaurant_id, amount, currency, state, correlation_id)
        VALUES ('${second}', '${id}', '${newId()}', 300, 'INR', 'VOIDED', 'c')`,
        `INSERT INTO payment_moves (payment_id, order_id, from_state, to_state, cause)
        SELECT '${second}', order_id, from_state, to_state, cause FROM payment_moves WHERE order_id = '${id}' ORDER BY id`,
      );
      return ofEach(['payment-amounts'], id);
    },
    'payment moves that the lifecycle does not know': async () => {
      const { cardVoided: voided, cardPrepared: prepared, cardDeclined } = audited().orders;
      await sql(
        `UPDATE payment_moves SET cause = 'refunded' WHERE order_id = '${voided}' AND to_state = 'VOIDED'`,
        `DELETE FROM payment_moves WHERE order_id = '${prepared}' AND to_state = 'AUTHORIZED'`,
        `UPDATE payment_moves SET to_state = 'AUTHORIZED', cause = 'authorized' WHERE order_id = '${cardDeclined}' AND from_state IS NULL`,
        `UPDATE payment_moves SET from_state = 'AUTHORIZED' WHERE order_id = '${cardDeclined}' AND from_state IS NOT NULL`,
      );
      return [voided, prepared, cardDeclined, cardDeclined].map((id) => `payment-moves: ${id}`);
    },
    'a payment that is not where its history ends': async () => {
      const id = order({ ...stories.placed, payment: payments.authorized });
      await sql(
        `UPDATE orders SET placed_at = now() WHERE id = '${id}'`,
        `UPDATE payments SET state = 'CAPTURING', next_attempt_at = now(), updated_at = now() WHERE order_id = '${id}'`,
      );
      return ofEach(['payment-history'], id);
    },
    'a ledger that is not what the state says': async () => {
      const ids = [order(cardPrepared), order(cardVoided), order(cardRefunded)];
      const [captured, voided, refunded] = ids;
      const without = (id: string | undefined, kind: string, type: string) => [
        `DELETE FROM payment_ledger WHERE order_id = '${id}' AND kind = '${kind}'`,
        `DELETE FROM event_log WHERE subject = '${id}' AND type = '${type}'`,
      ];
      await sql(
        ...without(captured, 'CAPTURED', 'payment.completed.v1'),
        ...without(voided, 'VOIDED', 'payment.voided.v1'),
        ...without(refunded, 'CAPTURED', 'payment.completed.v1'),
      );
      return [
        ...ids.map((id) => `payment-ledger: ${id}`),
        `charged-orders: ${captured}`,
        `cancelled-authorizations: ${voided}`,
        `cancelled-captures: ${refunded}`,
        `cancelled-authorizations: ${refunded}`,
        `payment-amounts: ${refunded}`,
      ];
    },
    'a payment that is in hand for ever': async () => {
      const due = { nextAttemptAt: new Date(), attempts: 90 };
      const id = order({ ...stories.placed, payment: { ...payments.begun, ...due } });
      return ofEach(['payments-settled'], id);
    },
    'money that was never announced, and money announced twice': async () => {
      const { cardPrepared: prepared, cardDeclined, cardVoided: voided } = audited().orders;
      await sql(
        `DELETE FROM event_log WHERE subject = '${prepared}' AND type = 'payment.completed.v1'`,
        `DELETE FROM event_log WHERE subject = '${cardDeclined}' AND type = 'payment.failed.v1'`,
      );
      told('payment.voided.v1', voided);
      return [prepared, cardDeclined, voided].map((id) => `payments-announced: ${id}`);
    },
    'a draft that is dropped, and announced': async () => {
      told('order.cancelled.v1', audited().orders.draftDropped);
      return ofEach(['moves-announced'], audited().orders.draftDropped);
    },
    'a draft that is announced as placed': async () => {
      told('order.placed.v1', audited().orders.draft);
      return ofEach(['moves-announced'], audited().orders.draft);
    },
    'a dropped draft that holds stock': async () => {
      const id = order({ ...stories.draftDropped, reservation: 'DEDUCTED', stock: [-1] });
      return ofEach(['cancelled-stock'], id);
    },
    'an approved draft about which nothing happens any more': async () =>
      ofEach(
        ['placed-orders'],
        order({
          moves: [
            ['DRAFT', 'CUSTOMER'],
            ['PLACED', 'CUSTOMER'],
          ],
        }),
      ),
    'books of the gateway that are not ours': async () => {
      const { database } = audited().db;
      const ids = [order(cardPrepared), order(cardPrepared), order(cardVoided), order(cardPrepared), newId()];
      const [twice, less, never, lost, strangers] = ids;
      await audited().history.write();
      const books = await bookedAsKept(database);
      const change = (id: string | undefined, has: object) =>
        Object.assign(books.find((one) => one.order_id === id) ?? {}, has);
      change(twice, { captures: 2 });
      change(less, { captured_amount: '0.00', captures: 0, status: 'authorized' });
      change(never, { status: 'authorized' });
      const money = { status: 'authorized', authorized_amount: '5.00', authorizations: 1 };
      audited().books = [
        ...books.filter(({ order_id }) => order_id !== lost),
        bookedPayment(strangers ?? '', money),
        // Opened, and its answer lost: nothing moved there.
        bookedPayment(newId()),
      ];
      return ids.map((id) => `gateway-books: ${id}`);
    },
    'a second payment of an order at the gateway': async () => {
      const { cardPrepared: prepared } = audited().orders;
      const second = { id: 'pay_again', status: 'captured', authorized_amount: '300.00', authorizations: 1 };
      audited().books = [...(await bookedAsKept(audited().db.database)), bookedPayment(prepared, second)];
      return ofEach(['gateway-books'], prepared);
    },
  };
};
