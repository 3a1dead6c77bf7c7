import { pointer } from './validate';

/**
 * Looks for an object in a JSON text that has a name twice (RFC 7493, section 2.3, forbids it): `JSON.parse` would take the last of
 * them, a proxy that looks at requests perhaps the first.
 * @param json a text that `JSON.parse` has taken
 * @returns where the second one is, as a JSON pointer; undefined where there is none
 */
export function repeatedName(json: string): string | undefined {
  const open: { names: Set<string> | undefined; at: string | number }[] = [];
  TOKEN.lastIndex = 0;
  for (let match = TOKEN.exec(json); match; match = TOKEN.exec(json)) {
    const [token, isName] = match;
    const inner = open.at(-1);
    if (token === '{') open.push({ names: new Set(), at: '' });
    else if (token === '[') open.push({ names: undefined, at: 0 });
    else if (token === '}' || token === ']') open.pop();
    else if (token === ',') {
      if (typeof inner?.at === 'number') inner.at += 1;
    } else if (isName !== undefined && inner?.names) {
      const name = nameIn(token);
      inner.at = name;
      if (inner.names.has(name)) return pointer(open.map(({ at }) => at));
      inner.names.add(name);
    }
  }
  return undefined;
}

function nameIn(token: string): string {
  const quoted = token.slice(0, token.lastIndexOf('"') + 1);
  return quoted.includes('\\') ? (JSON.parse(quoted) as string) : quoted.slice(1, -1);
}

/** A string, with the colon after it where it is a name; or what opens, closes or goes on. The rest is of no interest. */
const TOKEN = /"(?:[^"\\]|\\.)*"(\s*:)?|[{}[\],]/g;
