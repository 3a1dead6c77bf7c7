import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';
import type { Random } from '../testbed/random';

/** A webhook that a receiver has read to its end. */
export interface HookArrival {
  /** By the last part of the address that it came to. */
  endpoint: string;
  /** Its header. */
  webhookId: string;
  /** In its body. */
  eventId: string;
  signed: boolean;
  /** Whether it was answered 200. */
  taken: boolean;
  at: number;
}

/** A server of the run's own for webhooks, which is not always well. */
export interface WebhookReceiver {
  urlOf(endpoint: string): string;
  /** What each endpoint's webhooks have to be signed with. */
  secrets: Map<string, string>;
  /** In the order in which they came. */
  arrivals: readonly HookArrival[];
  /** How often it was not well. */
  moods: Record<'refused' | 'hung' | 'cut', number>;
  stop(): Promise<void>;
}

const REFUSES = 0.03;
const CUTS = 0.02;
/** Seldom: a sender waits 15 s for an answer, and there are few at a time. */
const HANGS = 0.003;

/** It reads each to its end, and then refuses some, cuts the connection of some, and says nothing to some. */
export async function startWebhookReceiver(random: Random): Promise<WebhookReceiver> {
  const arrivals: HookArrival[] = [];
  const secrets = new Map<string, string>();
  const moods = { refused: 0, hung: 0, cut: 0 };
  const answer = (response: ServerResponse): boolean => {
    const mood = random.next();
    if (mood < REFUSES) {
      moods.refused += 1;
      response.writeHead(500).end('not now');
    } else if (mood < REFUSES + CUTS) {
      moods.cut += 1;
      response.destroy();
    } else if (mood < REFUSES + CUTS + HANGS) moods.hung += 1;
    else response.writeHead(200).end();
    return mood >= REFUSES + CUTS + HANGS;
  };
  const server = createServer((request, response) => {
    response.on('error', () => undefined); // processes are killed while they talk to it
    void read(request).then(
      (body) => {
        const endpoint = request.url?.split('/').at(-1) ?? '';
        const signed = isSigned(secrets.get(endpoint), body, request);
        const webhookId = String(request.headers['webhook-id']);
        const got = { endpoint, webhookId, eventId: idIn(body), signed, at: Date.now() };
        arrivals.push({ ...got, taken: answer(response) });
      },
      () => undefined, // it did not come to its end
    );
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    urlOf: (endpoint) => `http://127.0.0.1:${port}/hooks/${endpoint}`,
    secrets,
    arrivals,
    moods,
    stop: async () => {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

async function read(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

/** As a receiver verifies it: with the package of those who wrote the standard. */
export function isSigned(
  secret: string | undefined,
  body: string,
  { headers }: Pick<IncomingMessage, 'headers'>,
): boolean {
  try {
    new Webhook(secret ?? '').verify(body, headers as Record<string, string>);
    return true;
  } catch {
    return false;
  }
}

function idIn(body: string): string {
  try {
    return String((JSON.parse(body) as { id?: unknown }).id);
  } catch {
    return 'no event';
  }
}
