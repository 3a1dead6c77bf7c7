// What is sent by those who mean harm, or do not know better.

/** Raw JSON in place of a value; no member of any request may have one of them. */
export const hostileValues: readonly string[] = [
  '9007199254740993', // 2^53 + 1, which no double can be
  '-9007199254740993',
  '18446744073709551616',
  '1e400',
  '-1e400',
  `${'9'.repeat(1_000)}`,
  '1.5e300',
  '"\\u0000"',
  '"a\\u0000b"',
  '"\\ud800"',
  '"\\udc00\\ud800"',
  '"\\u202e"',
  '{"__proto__":{"polluted":true}}',
  '{"constructor":{"prototype":{"polluted":true}}}',
  '[[[[[[[[[[]]]]]]]]]]',
  '{"$ne":null}',
  'null',
];

/** Raw text in place of a value that makes the body no JSON. */
export const brokenValues: readonly string[] = [
  'NaN',
  'Infinity',
  '0x10',
  '01',
  '+1',
  '.5',
  '1.',
  '1e',
  "'x'",
  'undefined',
  '"\\x41"',
  '"\\ud8"',
  '"a\nb"',
  '"',
  '1 2',
  '/* */ 1',
  '1,',
];

const deep = (open: string, close: string, inner = '', levels = 10_000) =>
  open.repeat(levels) + inner + close.repeat(levels);

/** Whole bodies that no route takes. */
export const hostileBodies: readonly (string | Buffer)[] = [
  'null',
  'true',
  '1',
  '"x"',
  '[]',
  '[{}]',
  '{',
  '}',
  '{}{}',
  '{} x',
  '{"a":1,}',
  "{'a':1}",
  '{a:1}',
  '\ufeff',
  '\ufeff\ufeff{}',
  '<order/>',
  'a=1&b=2',
  deep('[', ']'),
  deep('{"a":', '}', '1'),
  deep('[{"a":', '}]', '1'),
  '['.repeat(100_000),
  deep('{"items":[', ']}'),
  '{"__proto__":{"polluted":true}}',
  '{"constructor":{"prototype":{"polluted":true}}}',
  '{"__proto__":null}',
  '{"a":1,"a":2}',
  Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]), // no UTF-8
  Buffer.from([0x7b, 0x22, 0xc0, 0xaf, 0x22, 0x3a, 0x31, 0x7d]), // an overlong slash
  Buffer.from([0x7b, 0x22, 0xed, 0xa0, 0x80, 0x22, 0x3a, 0x31, 0x7d]), // half a surrogate pair in UTF-8
  Buffer.from('{"a":1}', 'utf16le'),
  Buffer.from([0x1f, 0x8b, 0x08, 0x00]), // gzip that does not say so
];

export const hostileContentTypes: readonly string[] = [
  'text/plain',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=x',
  'application/json; charset=utf-16',
  'application/json; charset=latin1',
  'application/xml',
  'application/jsonp',
  'json',
  '*/*',
  '',
  '__proto__',
];

/** Queries that no route takes. */
export const hostileQueries: readonly string[] = [
  'x=1',
  `${'&'.repeat(1_000)}x=1`,
  'reference=?%ff',
  '__proto__[polluted]=1',
  '__proto__=1',
  'constructor[prototype][polluted]=1',
  'limit=0',
  'limit=201',
  'limit=-1',
  'limit=1e2',
  'limit=1e400',
  'limit=9007199254740993',
  'limit=50.0',
  'limit=%2050',
  `limit=${encodeURIComponent('٥')}`,
  'limit=1&limit=2',
  'limit[]=1',
  'limit[x]=1',
  'limit=%00',
  'limit=',
  'cursor=',
  'cursor=x',
  'cursor=0',
  'cursor=AAAAAAAAAAAAAAAAAAAAAA%00',
  'cursor=%ff',
  'cursor=%',
  'cursor=%zz',
  `cursor=${'A'.repeat(10_000)}`,
  `cursor=${encodeURIComponent("' OR 1=1--")}`,
  `cursor=${Buffer.from('{"id":1}').toString('base64url')}`,
  'cursor[]=x',
  'status=placed',
  'status=PLACED&status=',
  'status[$ne]=PLACED',
  'last_event_id=x',
  'last_event_id=-1',
  'last_event_id=1.5',
  'last_event_id=1e400',
  'last_event_id=9007199254740993',
  'last_event_id=%00',
  'restaurant_id=1',
  'restaurant_id=%00',
  `customer_id=${encodeURIComponent('\u202e')}`,
  'customer_id=a%00b',
  'customer_id=%ed%a0%80',
  `customer_id=${'c'.repeat(65)}`,
];

/** What stands in a path in place of an id. */
export const hostileIds: readonly string[] = [
  '0',
  'null',
  'undefined',
  '__proto__',
  'constructor',
  '%00',
  '%ff',
  '%',
  '%zz',
  '..%2f..%2fetc%2fpasswd',
  "'%20OR%20'1'='1",
  '018f0000-0000-7000-8000-00000000000g',
  '018f0000000070008000000000000001',
  '{018f0000-0000-7000-8000-000000000001}',
  '018f0000-0000-7000-8000-000000000001%0d%0aX-Injected:1',
  '%F0%9F%8D%95',
  'x'.repeat(2_000),
];

export const hostileHeaders: readonly Record<string, string>[] = [
  { 'if-match': '3' },
  { 'if-match': '"' },
  { 'if-match': 'W/' },
  { 'if-match': '"a", b' },
  { 'if-match': `"${'x'.repeat(5_000)}` },
  { 'if-none-match': 'x' },
  { 'if-none-match': ',' },
  { 'content-encoding': 'zstd' },
  { 'content-encoding': 'constructor' },
  { 'content-encoding': '__proto__' },
  { 'content-encoding': 'gzip' },
  { 'content-encoding': 'gzip, gzip' },
];

/** Headers that a request may have, however odd, and is answered as without them. */
export const oddHeaders: readonly Record<string, string>[] = [
  { 'x-correlation-id': '' },
  { 'x-correlation-id': 'a b' },
  { 'x-correlation-id': 'x'.repeat(129) },
  { 'x-correlation-id': '%0d%0aX-Injected:%201' },
  { 'x-correlation-id': '\x80\xff' },
  { traceparent: '00-0-0-0' },
  { traceparent: `00-${'f'.repeat(32)}-${'0'.repeat(16)}-01` },
  { traceparent: 'x'.repeat(5_000) },
  { accept: 'text/html;q=, */' },
  { accept: 'application/xml' },
  { 'accept-encoding': ',,;q=x' },
  { 'accept-language': '*'.repeat(1_000) },
  { host: 'evil.example' },
  { 'x-forwarded-host': 'evil.example' },
  { 'x-http-method-override': 'DELETE' },
  { cookie: '__proto__=1' },
];

export const oddMethods: readonly string[] = [
  'DELETE',
  'TRACE',
  'PROPFIND',
  'SEARCH',
  'PURGE',
  'LINK',
  'MKCOL',
];
