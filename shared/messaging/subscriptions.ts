import { bare, Prisma, type Database } from '../service/database';

/** What is on record of a consumer's subscriptions; the set-up step writes it. */
export interface Recorded {
  /** Types that it takes, also those that only a newer version of it knows. */
  current: string[];
  /** Types that it took once and takes no more. */
  ended: string[];
}

/** Reads the record of one consumer: empty lists where the set-up step has not run for it. */
export async function recordedSubscriptions(database: Database, consumer: string): Promise<Recorded> {
  const rows = await bare(database).$queryRaw<{ event_type: string; current: boolean }[]>(Prisma.sql`
    SELECT event_type, bool_or(until IS NULL) AS current FROM subscriptions WHERE consumer = ${consumer} GROUP BY event_type`);
  const ofKind = (wanted: boolean) =>
    rows.filter(({ current }) => current === wanted).map(({ event_type }) => event_type);
  return { current: ofKind(true), ended: ofKind(false) };
}

/** Every consumer on record, with the types that it takes now. */
export const currentConsumers = (database: Database) =>
  database.$queryRaw<{ service: string; types: string[] }[]>(Prisma.sql`
    SELECT consumer AS service, array_agg(event_type ORDER BY event_type) AS types FROM subscriptions
    WHERE until IS NULL GROUP BY consumer ORDER BY consumer`);
