import { request } from 'node:http';
import { randomUUID } from 'node:crypto';
import { pause } from '../../shared/service/pause';
import { until } from '../../shared/testing/until';
import type { Random } from '../testbed/random';

/** What clients did and got. */
export interface LoadCounts {
  /** Orders that were answered 202, by their reference. */
  accepted: Set<string>;
  requests: number;
  /** Anything but the answer that a request should have. */
  failures: Failure[];
  /** Connections that one instance refused and another took, as a proxy does it. */
  moved: number;
  slowestMs: number;
}

export interface Failure {
  at: string;
  /** Without ids: what is alike is counted together. */
  request: string;
  what: string;
}

export interface Load {
  counts: LoadCounts;
  /** Resolves when an instance has answered all that it was asked. */
  served: (url: string) => Promise<void>;
  /** Ends when all that was sent is answered. */
  stop(): Promise<void>;
}

export interface LoadOptions {
  /** Instances of order-api that are said to be ready, at the moment. */
  urls: () => readonly string[];
  /** Orders a second. */
  rate: number;
  random: Random;
}

interface Answer {
  status: number;
  body: Record<string, unknown>;
}

const TICK_MS = 20;
const ANSWER_MS = 15_000;
const CARDS = ['tok_approved', 'tok_approved', 'tok_approved', 'tok_declined', 'tok_slow'];
const ITEMS = 12;
const PLENTY = 50_000_000;

/**
 * Orders at a steady rate, and what is done with them: read, cancelled, drafted and approved. It is client and proxy in
 * one, as deploy/haproxy is: a connection for each request, to an instance that is said to be ready; where the
 * connection is refused, another one. Nothing else is ever tried again, and nothing but the right answer counts.
 */
export async function startLoad({ urls, rate, random }: LoadOptions): Promise<Load> {
  const counts: LoadCounts = { accepted: new Set(), requests: 0, failures: [], moved: 0, slowestMs: 0 };
  const asked = new Map<string, number>();
  const menu = await makeMenu();
  const underWay = new Set<Promise<void>>();
  const stopping = new AbortController();
  const startedAt = performance.now();
  let sent = 0;

  const running = (async () => {
    while (!stopping.signal.aborted) {
      const due = ((performance.now() - startedAt) / 1_000) * rate;
      for (; sent < due; sent += 1) {
        const life = live().finally(() => underWay.delete(life));
        underWay.add(life);
      }
      await pause(TICK_MS, stopping.signal);
    }
  })();

  /** One order's life, as its client sees it. */
  async function live(): Promise<void> {
    const reference = randomUUID();
    const isDraft = random.chance(0.1);
    const payment = random.chance(0.5)
      ? { payment: { method: 'CARD', token: random.pick(CARDS) } }
      : undefined;
    const body = {
      restaurant_id: menu.restaurant,
      items: [{ menu_item_id: random.pick(menu.items), quantity: random.int(1, 3) }],
      reference,
      customer_id: `c-${random.int(1, 500)}`,
      ...(isDraft ? { draft: true } : payment),
    };
    const placed = await ask('POST', '/orders', body, [isDraft ? 201 : 202]);
    if (!placed) return;
    const path = `/orders/${String(placed.body.order_id)}`;
    if (isDraft && !(await ask('POST', `${path}/approve`, payment ?? {}, [202]))) return;
    counts.accepted.add(reference);
    await ask('GET', path, undefined, [200]);
    // A cancellation, at once or a moment later; an order of a declined card may be cancelled already.
    if (random.chance(0.15)) {
      await pause(random.int(0, 400));
      await ask('POST', `${path}/cancel`, { by: 'CUSTOMER' }, [200]);
    }
  }

  async function ask(
    method: string,
    path: string,
    body: unknown,
    expected: readonly number[],
  ): Promise<Answer | undefined> {
    counts.requests += 1;
    const at = performance.now();
    const answer = await throughTheDoor(method, path, body);
    counts.slowestMs = Math.max(counts.slowestMs, performance.now() - at);
    if (typeof answer !== 'string' && expected.includes(answer.status)) return answer;
    const what = typeof answer === 'string' ? answer : `${answer.status} ${JSON.stringify(answer.body)}`;
    const request = `${method} ${path.replace(UUIDS, '…')}`;
    counts.failures.push({ at: new Date().toISOString(), request, what: what.replace(UUIDS, '…') });
    return undefined;
  }

  /** @returns what went wrong, where there is no answer */
  async function throughTheDoor(method: string, path: string, body: unknown): Promise<Answer | string> {
    const tried = new Set<string>();
    for (;;) {
      const left = urls().filter((url) => !tried.has(url));
      if (left.length === 0) return 'no instance takes connections';
      const url = random.pick(left);
      asked.set(url, (asked.get(url) ?? 0) + 1);
      const answer = await send(url, method, path, body);
      asked.set(url, (asked.get(url) ?? 0) - 1);
      if (answer !== 'ECONNREFUSED') return answer;
      counts.moved += 1;
      tried.add(url);
    }
  }

  async function makeMenu() {
    const made = await must('POST', '/inventory/add/restaurant', { name: 'Two Versions' }, 201);
    const restaurant = String(made.restaurant_id);
    const items: string[] = [];
    for (let n = 1; n <= ITEMS; n += 1) {
      const item = { name: `Dish ${n}`, price: `${100 + n}.50`, available_qty: PLENTY };
      items.push(String((await must('POST', `/inventory/add/${restaurant}/item`, item, 201)).menu_item_id));
    }
    return { restaurant, items };
  }

  async function must(method: string, path: string, body: unknown, status: number) {
    const answer = await throughTheDoor(method, path, body);
    if (typeof answer === 'string' || answer.status !== status)
      throw new Error(`${method} ${path}: ${JSON.stringify(answer)}`);
    return answer.body;
  }

  return {
    counts,
    served: async (url) => void (await until(`${url} to answer`, () => !asked.get(url), 2 * ANSWER_MS)),
    stop: async () => {
      stopping.abort();
      await running;
      await Promise.all(underWay);
    },
  };
}

const UUIDS = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g;

/** What is alike, once, with how often it was and from when to when. */
export function inWords(failures: readonly Failure[]): string[] {
  const alike = new Map<string, Failure[]>();
  for (const failure of failures) {
    const key = `${failure.request}: ${failure.what}`;
    const same = alike.get(key);
    if (same) same.push(failure);
    else alike.set(key, [failure]);
  }
  return [...alike].map(
    ([key, all]) => `${all.length} × ${key} (${all[0]?.at}${all.length > 1 ? ` to ${all.at(-1)?.at}` : ''})`,
  );
}

function send(base: string, method: string, path: string, body: unknown): Promise<Answer | string> {
  return new Promise((resolve) => {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const headers = text === undefined ? {} : { 'content-type': 'application/json' };
    const outgoing = request(
      `${base}/api/v1${path}`,
      { agent: false, method, headers, timeout: ANSWER_MS },
      (response) => {
        let answer = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => (answer += chunk));
        response.on('error', (error) => resolve(error.message));
        response.on('end', () => {
          try {
            resolve({
              status: response.statusCode ?? 0,
              body: JSON.parse(answer || '{}') as Record<string, unknown>,
            });
          } catch {
            resolve(`${response.statusCode}: no JSON: ${answer.slice(0, 100)}`);
          }
        });
      },
    );
    outgoing.on('timeout', () => outgoing.destroy(new Error(`no answer within ${ANSWER_MS} ms`)));
    outgoing.on('error', (error: NodeJS.ErrnoException) =>
      resolve(error.code === 'ECONNREFUSED' ? 'ECONNREFUSED' : `${error.code ?? ''} ${error.message}`),
    );
    outgoing.end(text);
  });
}
