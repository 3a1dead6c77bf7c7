import { sqlStateOf } from '../messaging/failure';
import { Prisma, type Database, type Tx } from '../service/database';
import type { Statements, Transactions } from '../service/transaction';
import { querySummary } from './query-summary';
import { Common, errorTypeOf, KIND, startSpan, type Span } from './span';

/**
 * The database, or a transaction, as one piece of work sees it: each of its statements is a span beneath the work's.
 * Where there is no span it is the database itself, and costs nothing.
 *
 * (Not by a context that follows every promise: on Node 20 that costs each of a process's promises, traced or not.)
 * A list for `$transaction([…])` has to be made with the database itself.
 */
export function beneath<D extends Database | Statements | Transactions>(
  database: D,
  span: Span | undefined,
): D {
  if (!span) return database;
  return new Proxy(database, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value === 'function') {
        const call = value as (...given: unknown[]) => Promise<unknown>;
        if (name === '$transaction') return transaction(call.bind(target), span);
        if (!isRaw(name)) return call.bind(target);
        return (...given: unknown[]) =>
          traced(span, commonOf(textOf(given)), () => call.apply(target, given));
      }
      return typeof name === 'string' && isModel(name, value) ? modelBeneath(value, name, span) : value;
    },
  });
}

const isRaw = (name: string | symbol): boolean =>
  typeof name === 'string' && /^(\$(execute|query)Raw(Unsafe)?|queue)$/.test(name);

const isModel = (name: string, value: unknown): value is object =>
  typeof value === 'object' && value !== null && /^[a-z]/.test(name);

const modelBeneath = (model: object, name: string, span: Span): object =>
  new Proxy(model, {
    get(target, method) {
      const value: unknown = Reflect.get(target, method);
      if (typeof value !== 'function' || typeof method !== 'string') return value;
      const call = value as (...given: unknown[]) => Promise<unknown>;
      return (...given: unknown[]) =>
        traced(span, commonNamed(`${method} ${name}`, method), () => call.apply(target, given));
    },
  });

/** The waiting for a connection counts as the beginning, and what the commit takes as the end. */
const transaction =
  (call: (...given: unknown[]) => Promise<unknown>, span: Span) =>
  async (work: unknown, ...options: unknown[]): Promise<unknown> => {
    if (typeof work !== 'function')
      return traced(span, commonNamed('TRANSACTION'), () => call(work, ...options));
    const begin = startStatement(span, commonNamed('BEGIN'));
    let end: Span | undefined;
    try {
      const result = await call(
        async (tx: Tx) => {
          begin?.end();
          try {
            const worked = await (work as (tx: Tx) => Promise<unknown>)(beneath(tx, span));
            end = startStatement(span, commonNamed('COMMIT'));
            return worked;
          } catch (error) {
            end = startStatement(span, commonNamed('ROLLBACK'));
            throw error;
          }
        },
        ...options,
      );
      end?.end();
      return result;
    } catch (error) {
      if (!end) fail(begin, error);
      else if (end.name === 'COMMIT') fail(end, error);
      begin?.end();
      end?.end();
      throw error;
    }
  };

async function traced<T>(span: Span, common: Named, work: () => Promise<T>): Promise<T> {
  const statement = startStatement(span, common);
  try {
    return await work();
  } catch (error) {
    fail(statement, error);
    throw error;
  } finally {
    statement?.end();
  }
}

function fail(statement: Span | undefined, error: unknown): void {
  const state = sqlStateOf(error);
  // Not its words: PostgreSQL may quote a value.
  statement?.set('db.response.status_code', state).fail(state ?? errorTypeOf(error));
}

const startStatement = (span: Span, { name, common }: Named) => startSpan(name, KIND.client, span, common);

interface Named {
  name: string;
  common: Common;
}

const known = new Map<string, Named>();
const MOST_KNOWN = 1_000;

function remember(key: string, make: () => Named): Named {
  const found = known.get(key);
  if (found) return found;
  if (known.size >= MOST_KNOWN) known.clear(); // texts that somebody makes up without end
  const made = make();
  known.set(key, made);
  return made;
}

const commonNamed = (name: string, operation = name): Named =>
  remember(name, () => ({
    name,
    common: new Common({ 'db.system.name': 'postgresql', 'db.operation.name': operation }),
  }));

const commonOf = (text: string): Named =>
  remember(text, () => {
    const name = querySummary(text);
    const common = new Common({
      'db.system.name': 'postgresql',
      'db.operation.name': name.split(' ', 1)[0]!,
      'db.query.summary': name,
      'db.query.text': text.replace(/\s+/g, ' ').trim(),
    });
    return { name, common };
  });

/** With placeholders for its values. */
function textOf([query, ...values]: readonly unknown[]): string {
  if (typeof query === 'string') return query; // of the unsafe ones, which take their values apart
  if (query instanceof Prisma.Sql) return query.text;
  return new Prisma.Sql(query as readonly string[], values as Prisma.Sql[]).text;
}
