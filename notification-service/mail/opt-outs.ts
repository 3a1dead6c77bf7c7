import { EVERY_OPTIONAL_MAIL, isOptionalMail } from '../../shared/mail/optional-mails';
import type { Database } from '../../shared/service/database';

/** Whether the recipient has opted out of the kind, or of all that can be opted out of. */
export async function hasOptedOut(database: Database, address: string, kind: string): Promise<boolean> {
  if (!isOptionalMail(kind)) return false;
  const found = await database.mailOptOut.count({
    where: { address: address.toLowerCase(), kind: { in: [kind, EVERY_OPTIONAL_MAIL] } },
  });
  return found > 0;
}
