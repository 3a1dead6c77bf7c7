import { parse } from 'node:querystring';

/** The query of an address: what follows its first question mark. Others belong to it (RFC 3986, section 3.4). */
export function queryOf(url: string): string {
  const mark = url.indexOf('?');
  return mark < 0 ? '' : url.slice(mark + 1);
}

/** Reads a query to its end. By itself Node stops after 1,000 parameters, and a filter that came later would be missing. */
export const parseQuery = (query: string | null | undefined) => parse(query ?? '', '&', '=', { maxKeys: 0 });
