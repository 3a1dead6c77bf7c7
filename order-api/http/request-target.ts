import type { IncomingMessage } from 'node:http';
import { originForm } from '../../shared/service/origin-form';
import { Problem } from './problem';

const bad = (detail: string) => new Problem(400, 'Bad Request', detail);

/**
 * Reads where a request goes to: RFC 9112, section 3.2. One that is written as for a proxy (`GET http://shop.example/orders`)
 * goes to the path in it from here on.
 * @returns what is wrong with it
 */
export function readTarget(request: IncomingMessage): Problem | undefined {
  const hosts = request.headersDistinct.host ?? [];
  if (request.httpVersion === '1.1' && hosts.length === 0) return bad('The request has no Host header.');
  if (hosts.length > 1) return bad('The request has more than one Host header.');
  const path = originForm(request.url ?? '');
  if (path === undefined)
    return bad('The request is for neither a path nor an address with http:// or https://.');
  request.url = path;
  return undefined;
}
