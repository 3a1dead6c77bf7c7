import { type AddressInfo, createServer } from 'node:net';
import { freePort, isFree, randomPortBase } from './free-port';

test('a port that is taken gives way to the next one, and none is handed out twice', async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen({ port: 0, host: '127.0.0.1' }, resolve));
  const taken = (server.address() as AddressInfo).port;
  try {
    expect(await isFree(taken)).toBe(false);
    const first = await freePort(taken);
    const second = await freePort(taken);
    expect(first).toBeGreaterThan(taken);
    expect(second).toBeGreaterThan(first);
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
});

test('ports for one run only stay below those of outgoing connections', () => {
  for (let i = 0; i < 1000; i += 1) expect(randomPortBase()).toBeLessThan(32_768 - 1000);
});
