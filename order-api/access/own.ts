import type { FieldError } from '../http/problem';
import type { Caller } from './caller';
import { checkRestaurant } from './concern';
import { forbidden } from './problems';

type Place = Pick<FieldError, 'pointer' | 'in'>;

/** The customer that a request concerns: a customer themselves, whether they say it or not. @throws {Problem} 403 where they name another */
export function customerFor(caller: Caller, named: string | undefined, place: Place): string | undefined {
  if (caller.role !== 'customer') return named;
  if (named !== undefined && named !== caller.customerId)
    throw forbidden('A customer orders, and sees orders, for themselves only.', [
      { ...place, detail: 'must be your own, or absent' },
    ]);
  return caller.customerId;
}

/**
 * The restaurants that staff see the orders of, where they name none; undefined where the list needs no such bound.
 * @throws {Problem} 403 where they name one that is not theirs
 */
export function restaurantsFor(caller: Caller, named: string | undefined): readonly string[] | undefined {
  if (caller.role !== 'staff') return undefined;
  if (named === undefined) return caller.restaurants;
  checkRestaurant(caller, named);
  return undefined;
}

/** Who wants it, customer or staff: what they are. @throws {Problem} 403 where they say that they are the other */
export function actorFor(caller: Caller, said: 'CUSTOMER' | 'STAFF' | undefined): 'CUSTOMER' | 'STAFF' {
  if (caller.role === 'admin') return said ?? 'CUSTOMER';
  const actor = caller.role === 'staff' ? 'STAFF' : 'CUSTOMER';
  if (said !== undefined && said !== actor)
    throw forbidden(`You cancel as ${actor}, and not as ${said}.`, [
      { pointer: '#/by', detail: `must be ${actor}, or absent` },
    ]);
  return actor;
}

/** Who did something, as somebody is told: customers know themselves, and learn nobody else's name. */
export const shownTo = (caller: Caller, by: string | null): string | null =>
  caller.role === 'customer' && by !== caller.id ? null : by;
