import { stringify } from 'csv-stringify/sync';
import type { Request, Response } from 'express';
import type { Answer } from './answer';

/** What an answer comes to as a table: the names of its columns, and its rows. */
export interface Table {
  /** Of the file: `orders` becomes `orders.csv`. */
  name: string;
  columns: readonly string[];
  rows: readonly (readonly (string | number | null)[])[];
}

type Send = (answer: Answer, request: Request, response: Response) => void;

/** Answers the table as CSV where that is what the request would rather have (RFC 9110, section 12.5.1), and JSON otherwise. */
export function sendCsvOr(
  send: Send,
  answer: Answer,
  table: Table,
  request: Request,
  response: Response,
): void {
  response.vary('Accept');
  if (request.accepts(['application/json', 'text/csv']) !== 'text/csv')
    return send(answer, request, response);
  const body = Buffer.from(toCsv(table));
  response
    .status(answer.status)
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
