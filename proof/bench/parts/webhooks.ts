import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { connectBroker } from '../../../shared/messaging/connect-broker';
import { eventExamples } from '../../../shared/events/examples';
import { newId } from '../../../shared/ids';
import type { Part } from '../bench';
import { openWorld, type World } from '../environment/world';
import { spread } from '../measure/spread';
import { summarize } from '../measure/percentiles';
import { startService } from '../../testbed/measured-process';
import type { Scope } from '../../testbed/scope';

const ENDPOINTS = 50;
/** The last two of them are dead and slow, or as good as the others. */
const GOOD = ENDPOINTS - 2;
const EVENTS_PER_SECOND = 3;
const SLOW_MS = 5_000;
const REACH = 1.1;

export const webhooks: Part = {
  name: 'webhooks',
  what: 'webhooks to 48 endpoints, when one more is dead and another is slow, beside when both are well',
  async run(bench, scope) {
    const seconds = bench.seconds(20);
    const world = scope.own(await openWorld(bench.servers, 'webhooks', true));
    const shop = await openShop(scope, world);
    await startService(bench, scope, 'notification-service', {
      DATABASE_URL: world.databaseUrl,
      RABBITMQ_URL: world.rabbitmqUrl,
      WEBHOOK_ALLOW_PRIVATE: 'true',
    });
    await shop.measure(3, true); // compiled by then
    const rounds: Record<'ill' | 'well', number[]>[] = [];
    for (let round = 1; round <= bench.rounds; round += 1) {
      const latencies = { ill: [] as number[], well: [] as number[] };
      // Each comes first as often.
      for (const how of round % 2 ? (['well', 'ill'] as const) : (['ill', 'well'] as const))
        latencies[how] = await shop.measure(seconds, how === 'well');
      rounds.push(latencies);
      const [ill, well] = [latencies.ill, latencies.well].map((sample) => Math.round(summarize(sample).p99));
      bench.control.say(`webhooks, round ${round} of ${bench.rounds}: p99 ${ill} ms, all well ${well} ms`);
    }
    const figure = (what: string, of: (sample: readonly number[]) => number) => ({
      part: 'webhooks',
      what,
      ours: spread(rounds.map(({ ill }) => of(ill))),
      baseline: { name: 'all fifty well', value: spread(rounds.map(({ well }) => of(well))) },
    });
    return {
      figures: [
        {
          ...figure('published to received, the other 48, p99, ms', (sample) => summarize(sample).p99),
          reach: { of: 'ratio' as const, atMost: REACH },
        },
        figure('the same, p50, ms', (sample) => summarize(sample).p50),
      ],
      remarks: [],
    };
  },
};

/** Fifty endpoints of the whole shop, and somebody who publishes events for them. */
async function openShop(scope: Scope, world: World) {
  let latencies: number[] = [];
  const good = await serve(scope, (request, response) => {
    void body(request).then((text) => {
      latencies.push(Date.now() - Date.parse((JSON.parse(text) as { time: string }).time));
      response.end();
    });
  });
  const slow = await serve(scope, (_request, response) => void setTimeout(() => response.end(), SLOW_MS));
  const ids = Array.from({ length: ENDPOINTS }, newId);
  for (const [n, id] of ids.entries())
    await world.query(
      `WITH e AS (INSERT INTO webhook_endpoints (id, url, event_types) VALUES ($1, $2, '{order.placed.v1}'))
       INSERT INTO webhook_secrets (id, endpoint_id, secret) VALUES ($3, $1, $4)`,
      [id, `${good}/${n}`, newId(), `whsec_${Buffer.alloc(32, n).toString('base64')}`],
    );
  const put = (id: string | undefined, url: string) =>
    world.query('UPDATE webhook_endpoints SET url = $2 WHERE id = $1', [id, url]);
  const publish = await openPublisher(scope, world);
  return {
    /** @returns how long each event took to each of the good endpoints, in ms */
    measure: async (seconds: number, allWell: boolean): Promise<number[]> => {
      await put(ids[GOOD], allWell ? `${good}/x` : 'http://127.0.0.1:1/');
      await put(ids[GOOD + 1], allWell ? `${good}/x` : slow);
      latencies = [];
      const events = seconds * EVENTS_PER_SECOND;
      for (let n = 0; n < events; n += 1) {
        publish();
        await wait(1_000 / EVENTS_PER_SECOND);
      }
      const wanted = events * (allWell ? ENDPOINTS : GOOD);
      for (let n = 0; latencies.length < wanted && n < 600; n += 1) await wait(50);
      if (latencies.length !== wanted) throw new Error(`${latencies.length} of ${wanted} webhooks arrived`);
      const taken = latencies;
      // What the ill ones did not take is not what is measured next.
      await world.query(`UPDATE notifications SET status = 'DROPPED' WHERE status = 'PENDING'`);
      return taken;
    },
  };
}

async function openPublisher(scope: Scope, { rabbitmqUrl }: World): Promise<() => void> {
  const connection = await connectBroker(rabbitmqUrl);
  connection.on('error', (error) => scope.fail(error));
  scope.own({ stop: () => connection.close() });
  const channel = await connection.createChannel();
  const sample = eventExamples['order.placed.v1'] as { type: string; data: object };
  return () => {
    const id = newId();
    const event = { ...sample, id, subject: id, time: new Date().toISOString() };
    const content = Buffer.from(JSON.stringify({ ...event, data: { ...sample.data, order_id: id } }));
    channel.publish('ordermesh.events', sample.type, content, { persistent: true });
  };
}

async function serve(scope: Scope, listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  scope.own({
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function body(request: Parameters<RequestListener>[0]): Promise<string> {
  let text = '';
  for await (const chunk of request.setEncoding('utf8')) text += String(chunk);
  return text;
}
