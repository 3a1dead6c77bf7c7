import { connect } from 'node:net';
import { openTestShop } from '../testing/test-shop';

const shop = openTestShop([5]);
const MEGABYTE = Buffer.alloc(1024 * 1024, ' ');

/** Sends a head and then as much of the body as the server takes. @returns the answer, and how much went out */
async function upload(head: string, megabytes: number): Promise<{ answer: string; sent: number }> {
  const { hostname, port } = new URL(shop.api.url);
  const socket = connect(Number(port), hostname);
  let answer = '';
  let open = true;
  socket.on('data', (data) => (answer += String(data)));
  socket.on('error', () => (open = false));
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  socket.write(head);
  const chunked = head.includes('chunked');
  for (let sent = 0; sent < megabytes && open && !socket.destroyed; sent += 1) {
    if (chunked) socket.write(`${MEGABYTE.length.toString(16)}\r\n`);
    const room = socket.write(MEGABYTE);
    if (chunked) socket.write('\r\n');
    if (!room) await Promise.race([new Promise((resolve) => socket.once('drain', resolve)), closed]);
  }
  await closed;
  return { answer, sent: socket.bytesWritten };
}

const head = (...lines: string[]) =>
  ['POST /api/v1/orders HTTP/1.1', 'Host: x', 'Content-Type: application/json', ...lines, '', ''].join(
    '\r\n',
  );

describe('a body of 400 MB', () => {
  it.each([
    ['of a length that is said', head('Content-Length: 419430400')],
    ['in chunks', head('Transfer-Encoding: chunked')],
    [
      'of a request that needs none',
      head('Content-Length: 419430400').replace('POST /api/v1/orders', 'GET /api/v1/restaurants'),
    ],
    ['to an address that is none', head('Content-Length: 419430400').replace('/orders', '/nope')],
  ])('%s is refused early, and the client can read why', async (_, lines) => {
    const { answer, sent } = await upload(lines, 400);
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
    expect(answer).toContain('Connection: close');
    expect(answer).toContain('"correlation_id"');
    expect(sent).toBeLessThan(100 * 1024 * 1024); // what the kernels' buffers hold, and no more
  });

  it('is not asked for where the client waits to be', async () => {
    const { answer } = await upload(head('Content-Length: 419430400', 'Expect: 100-continue'), 0);
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
  });
});
