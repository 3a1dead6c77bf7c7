import { isUtf8 } from 'node:buffer';
import { json, type RequestHandler } from 'express';
import { Problem } from './problem';

const LIMIT = '256kb';

/** Refuses a body that is not JSON by its content type, unread. */
const requireJson: RequestHandler = (request, _response, next) => {
  const hasBody =
    request.headers['transfer-encoding'] !== undefined || Number(request.headers['content-length'] ?? 0) > 0;
  if (!hasBody || request.is('application/json')) return next();
  const got = request.get('content-type') ?? 'missing';
  throw new Problem(
    415,
    'Unsupported Media Type',
    `The body has to be application/json; its content type is ${got}.`,
    {
      headers: { Accept: 'application/json' },
    },
  );
};

/** Other encodings are turned away, and broken UTF-8 too: decoding would put U+FFFD in its place, and keep that. */
const parse = json({
  limit: LIMIT,
  strict: false,
  verify: (_request, _response, bytes, charset) => {
    if (charset !== 'utf-8')
      throw new Problem(
        415,
        'Unsupported Media Type',
        `The body has to be UTF-8; its charset is ${charset}.`,
      );
    if (!isUtf8(bytes))
      throw new Problem(400, 'Bad Request', 'The body is not valid UTF-8.', { type: 'invalid-json' });
  },
});

/** Reads a JSON body into `request.body`; none at all, or an empty one, counts as `{}`. */
export const jsonBody: RequestHandler[] = [
  requireJson,
  parse,
  (request, _response, next) => {
    if (request.body === undefined) request.body = {};
    next();
  },
];
