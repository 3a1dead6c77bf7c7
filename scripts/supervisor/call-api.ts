import { UserError } from '../servers/search';

/** GET of a path below `/api/v1`. @throws {UserError} where the API does not answer, or refuses */
export function get<Answer>(apiUrl: string, path: string): Promise<Answer> {
  return call<Answer>(apiUrl, 'GET', path);
}

/** POST of JSON to a path below `/api/v1`. @throws {UserError} where the API does not answer, or refuses */
export function post<Answer>(apiUrl: string, path: string, body: unknown): Promise<Answer> {
  return call<Answer>(apiUrl, 'POST', path, body);
}

/** Who calls, where the API wants to know: a key, as `npm run keys` makes it. */
const apiKey = (): string | undefined => process.env.API_KEY || undefined;

/** Whether the API that this environment configures takes calls from here: it is open to everybody, or there is a key. */
export const mayCall = ({ AUTH } = process.env): boolean =>
  !AUTH || AUTH === 'none' || apiKey() !== undefined;

async function call<Answer>(apiUrl: string, method: string, path: string, body?: unknown): Promise<Answer> {
  const url = `${apiUrl}/api/v1${path}`;
  const key = apiKey();
  let status: number;
  let text: string;
  try {
    const response = await fetch(url, {
      method,
      headers: {
        accept: 'application/json',
        'content-type': 'application/json',
        ...(key ? { authorization: `Bearer ${key}` } : {}),
      },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: AbortSignal.timeout(10_000),
    });
    status = response.status;
    text = await response.text();
  } catch (error) {
    const { message, cause } = error as Error & { cause?: NodeJS.ErrnoException };
    throw new UserError(`No answer from ${url}: ${cause?.code ?? cause?.message ?? message}`);
  }
  if (status === 401)
    throw new UserError(
      `${url} wants to know who calls: set API_KEY, as npm run keys -- create --role admin makes it.`,
    );
  if (status >= 400) throw new UserError(`${method} ${url} answered ${status}: ${text}`);
  try {
    return JSON.parse(text) as Answer;
  } catch {
    throw new UserError(`${url} is not the API of an Ordermesh: it answered something else than JSON.`);
  }
}
