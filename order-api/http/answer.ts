import type { ServerResponse } from 'node:http';
import type { Table } from './csv';

/** What a route answers when all is well. */
export interface Answer {
  status: number;
  body: unknown;
  headers?: Record<string, string>;
  /** Of the order that it is about; sent as `ETag`. */
  version?: number;
  /** The same as a table, of a route that answers `csv`. */
  table?: Table;
  /** Takes the response over, in the place of a body; throws a Problem only as long as nothing is sent. */
  stream?: (response: ServerResponse) => void;
}

/** The answer with further headers. */
export const withHeaders = (answer: Answer, headers: Record<string, string>): Answer => ({
  ...answer,
  headers: { ...answer.headers, ...headers },
});
