/**
 * The path and query of a request's target. It may be written as for a proxy (`GET http://shop.example/orders`), which
 * every server has to understand: RFC 9112, section 3.2.2.
 * @returns undefined where it is neither a path nor such an address
 */
export function originForm(target: string): string | undefined {
  if (target.startsWith('/') || target === '*') return target;
  const [, path] = /^https?:\/\/[^/?#]+(.*)$/is.exec(target) ?? [];
  return path === undefined || path.startsWith('/') ? path : `/${path}`;
}
