import { isUtf8 } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import type { Transform } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import type { Request, RequestHandler } from 'express';
import getRawBody from 'raw-body';
import { namesIn, shapeOf } from './json-shape';
import { Problem } from './problem';
import { repeatedName } from './repeated-names';

export const MAX_BODY_BYTES = 256 * 1024;
/** Far more than any request has. What is nested deeper is made to exhaust somebody's stack. */
export const MAX_DEPTH = 64;

const isJson = (request: Request) => Boolean(request.is(['application/json', 'application/*+json']));
/** It may still be empty, and then needs no type: only reading it can tell. */
const isUntypedStream = (request: Request) =>
  !isJson(request) && request.headers['transfer-encoding'] !== undefined;

const notJson = (got: string) =>
  new Problem(
    415,
    'Unsupported Media Type',
    `The body has to be application/json; its content type is ${got}.`,
    { headers: { Accept: 'application/json' } },
  );

export const tooLarge = () =>
  new Problem(413, 'Content Too Large', `The body may have ${MAX_BODY_BYTES} bytes at most.`, {
    errors: [{ pointer: '#', detail: 'is too large' }],
  });

/** Whether a request says of itself that its body is too large. */
export const saysTooLarge = ({ headers }: Pick<IncomingMessage, 'headers'>): boolean =>
  Number(headers['content-length'] ?? 0) > MAX_BODY_BYTES;

/** Refuses a body that says that it is too large, whatever route it is for: it is not read. */
export const refuseLarge: RequestHandler = (request, _response, next) =>
  next(saysTooLarge(request) ? tooLarge() : undefined);

/** Refuses a body unread, by its content type. */
const refuseUnread: RequestHandler = (request, _response, next) => {
  const hasBody =
    request.headers['transfer-encoding'] !== undefined || Number(request.headers['content-length'] ?? 0) > 0;
  if (hasBody && !isJson(request) && !isUntypedStream(request))
    throw notJson(request.get('content-type') ?? 'missing');
  next();
};

/** A map and no object, for the name is the client's: an object has a `constructor`, too. */
const DECODERS = new Map<string, () => Transform>([
  ['gzip', createGunzip],
  ['deflate', createInflate],
  ['br', createBrotliDecompress],
]);

/**
 * The bytes of the body, decoded. Read here and not by `express.json`, which reads a body that is too large to its
 * end before it says so.
 */
async function readBytes(request: Request): Promise<Buffer> {
  const encoding = (request.get('content-encoding') || 'identity').toLowerCase();
  if (encoding === 'identity') return getRawBody(request, { limit: MAX_BODY_BYTES });
  const decoder = DECODERS.get(encoding)?.();
  if (!decoder)
    throw new Problem(
      415,
      'Unsupported Media Type',
      `The content encoding has to be gzip, deflate or br, or none.`,
      {
        headers: { 'Accept-Encoding': [...DECODERS.keys()].join(', ') },
      },
    );
  request.on('error', (error) => decoder.destroy(error));
  return getRawBody(request.pipe(decoder), { limit: MAX_BODY_BYTES });
}

/** Other charsets are turned away, and broken UTF-8 too: decoding would put U+FFFD in its place, and keep that. */
function parse(request: Request, bytes: Buffer): unknown {
  if (bytes.length === 0) return {};
  if (isUntypedStream(request)) throw notJson(request.get('content-type') ?? 'missing');
  const charset = /;\s*charset\s*=\s*"?([^";\s]+)/i.exec(request.get('content-type') ?? '')?.[1] ?? 'utf-8';
  if (!/^utf-?8$/i.test(charset))
    throw new Problem(415, 'Unsupported Media Type', `The body has to be UTF-8; its charset is ${charset}.`);
  if (!isUtf8(bytes))
    throw new Problem(400, 'Bad Request', 'The body is not valid UTF-8.', { type: 'invalid-json' });
  const { depth, names } = shapeOf(bytes);
  if (depth > MAX_DEPTH) throw notValid(`it is nested more than ${MAX_DEPTH} levels deep`);
  const text = bytes.toString().replace(/^\ufeff/, '');
  const value = parseText(text);
  if (namesIn(value) !== names) throw twice(repeatedName(text) ?? '#');
  return value;
}

function parseText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw notValid(withoutQuotes((error as Error).message));
  }
}

const notValid = (detail: string) =>
  new Problem(400, 'Bad Request', `The body is not valid JSON: ${detail}`, {
    type: 'invalid-json',
    errors: [{ pointer: '#', detail }],
  });

function twice(place: string): Problem {
  const detail = 'is there more than once';
  const errors = [{ pointer: place, detail }];
  return new Problem(400, 'Bad Request', `${place} ${detail}.`, { type: 'invalid-json', errors });
}

/** V8 quotes the body in what it says of it (`…, ..."n":"tok_1"x"... is not valid JSON`), and a body may hold a card token. */
const withoutQuotes = (message: string) =>
  message.replace(/,? ?(\.\.\.)?"[^]*"(\.\.\.)? is not valid JSON$/, '') || 'it cannot be read';

/** What raw-body and zlib say: https://github.com/stream-utils/raw-body#errors */
function problemOf(error: unknown): unknown {
  const { type, code } = error as { type?: string; code?: string };
  if (type === 'entity.too.large') return tooLarge();
  if (
    type === 'request.aborted' ||
    type === 'request.size.invalid' ||
    code?.startsWith('Z_') ||
    code?.startsWith('ERR_')
  )
    return new Problem(
      400,
      'Bad Request',
      'The body cannot be read: it is cut short, or not encoded as it says.',
    );
  return error;
}

/** Reads a JSON body into `request.body`; none at all, or an empty one, counts as `{}`. */
export const jsonBody: RequestHandler[] = [
  refuseUnread,
  (request, _response, next) => {
    readBytes(request)
      .then(
        (bytes) => {
          request.body = parse(request, bytes);
          next();
        },
        (error: unknown) => Promise.reject(problemOf(error)),
      )
      .catch(next);
  },
];
