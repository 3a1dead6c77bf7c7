import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';

/** A request that a receiver got whole. */
export interface Got {
  headers: IncomingHttpHeaders;
  /** To the byte. */
  body: string;
  /** The CloudEvent. */
  // eslint-disable-next-line typescript/no-explicit-any -- read freely in tests
  event: any;
  path: string;
}

export type Answers = (response: ServerResponse, got: Got) => void;

export interface Receiver {
  url: string;
  got: Got[];
  /** What it answers from now on. */
  answers: Answers;
  /** Connections that were opened. */
  connections: number;
  stop(): Promise<void>;
}

export const answering =
  (status: number, headers: Record<string, string> = {}, body = ''): Answers =>
  (response) =>
    void response.writeHead(status, headers).end(body);

/** A server of somebody else's: it answers as it is told, and keeps what it gets. */
export async function startReceiver(answers: Answers = answering(200)): Promise<Receiver> {
  const server = createServer((request, response) => {
    void read(request).then((body) => {
      const event = JSON.parse(body) as unknown;
      const got: Got = { headers: request.headers, body, event, path: request.url ?? '' };
      receiver.got.push(got);
      receiver.answers(response, got);
    });
  });
  server.on('connection', () => void (receiver.connections += 1));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const receiver: Receiver = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    got: [],
    answers,
    connections: 0,
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return receiver;
}

async function read(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

/** As a receiver verifies it, with the package of those who wrote the standard. @throws where it is not good */
export const verify = (secret: string, { body, headers }: Got): unknown =>
  new Webhook(secret).verify(body, headers as Record<string, string>);
