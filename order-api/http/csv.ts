import { stringify } from 'csv-stringify/sync';
import type { Request, Response } from 'express';

/** What an answer comes to as a table: the names of its columns, and its rows. */
export interface Table {
  /** Of the file: `orders` becomes `orders.csv`. */
  name: string;
  columns: readonly string[];
  rows: readonly (readonly (string | number | null)[])[];
}

/** Whether a request would rather have CSV than JSON (RFC 9110, section 12.5.1). */
export const prefersCsv = (request: Request): boolean =>
  request.accepts(['application/json', 'text/csv']) === 'text/csv';

export function sendCsv(response: Response, table: Table): void {
  const body = Buffer.from(toCsv(table));
  response
    .set({
      'Content-Type': 'text/csv; charset=utf-8',
      'Content-Disposition': `attachment; filename="${table.name}.csv"`,
      'Content-Length': String(body.length),
    })
    .end(body);
}

/**
 * RFC 4180. A text that a spreadsheet would take for a formula has an apostrophe put before it
 * (https://owasp.org/www-community/attacks/CSV_Injection): names are written by people, and read by others.
 */
export const toCsv = ({ columns, rows }: Table): string =>
  stringify([columns, ...rows] as (string | number | null)[][], {
    escape_formulas: true,
    record_delimiter: '\r\n',
  });
