import { queryOf } from './query';

/**
 * `Link` of a page (RFC 8288): the first one, and the next where there is one. Relative to the request's own address,
 * so that it is right behind any proxy.
 * @param url the request's, path and query
 */
export function pageLinks(url: string, nextCursor: string | null): string {
  const [path = ''] = url.split('?');
  const at = (cursor: string | null) => {
    const parameters = new URLSearchParams(queryOf(url));
    parameters.delete('cursor');
    if (cursor !== null) parameters.set('cursor', cursor);
    const text = parameters.toString();
    return `<${path}${text && `?${text}`}>`;
  };
  return [`${at(null)}; rel="first"`, ...(nextCursor === null ? [] : [`${at(nextCursor)}; rel="next"`])].join(
    ', ',
  );
}
