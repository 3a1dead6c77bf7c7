import type { Database } from '../../shared/service/database';

/** Has no more mails of the kind sent to the address (`*`: none that are optional). Again: as before. */
export async function optOut(database: Database, address: string, kind: string): Promise<void> {
  await database.$executeRaw`
    INSERT INTO mail_opt_outs (address, kind) VALUES (lower(${address}), ${kind}) ON CONFLICT DO NOTHING`;
}

/** Has them sent again: those of the kind, or all. @returns how many opt-outs were taken back */
export async function optIn(database: Database, address: string, kind?: string): Promise<number> {
  return database.$executeRaw`
    DELETE FROM mail_opt_outs WHERE address = lower(${address}) AND (${kind ?? null}::text IS NULL OR kind IN (${kind ?? null}::text, '*'))`;
}

export const optOutsOf = (database: Database, address: string) =>
  database.mailOptOut.findMany({ where: { address: address.toLowerCase() }, orderBy: { kind: 'asc' } });
