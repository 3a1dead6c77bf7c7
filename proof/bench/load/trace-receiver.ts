import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

// What stands in for a trace store: a process that reads what it is sent, counts it, and keeps nothing.

/** What it tells the bench when it is asked. */
export interface Received {
  requests: number;
  bytes: number;
}

const received: Received = { requests: 0, bytes: 0 };

const server = createServer((request, response) => {
  request.on('data', (chunk: Buffer) => (received.bytes += chunk.length));
  request.on('end', () => {
    received.requests += 1;
    response.writeHead(200).end();
  });
});

server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }));
process.on('message', () => process.send?.({ ...received }));
process.on('disconnect', () => process.exit());
process.on('SIGTERM', () => process.exit());
