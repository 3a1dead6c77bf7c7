import { createServer, type Server } from 'node:net';
import { ConfigError } from './config';
import { PortTakenError } from './exit-codes';
import { HEALTH_NAMES, listen } from './listen';

const servers: Server[] = [];
afterEach(() => Promise.all(servers.splice(0).map((one) => new Promise((done) => one.close(done)))));

function on(host: string, port = 0): Promise<number> {
  const server = createServer();
  servers.push(server);
  return listen(server, { port, host }, HEALTH_NAMES);
}

test.each(['127.0.0.1', '::1', '[::1]', 'localhost', '::'])('listens on %s', async (host) => {
  expect(await on(host)).toBeGreaterThan(0);
});

test('says which variable to change where that cannot be', async () => {
  const taken = await on('127.0.0.1');
  await expect(on('127.0.0.1', taken)).rejects.toThrow(PortTakenError);
  await expect(on('127.0.0.1', taken)).rejects.toThrow('set HEALTH_PORT to another');
  for (const host of ['192.0.2.1', 'no-such-host.invalid']) {
    await expect(on(host)).rejects.toThrow(ConfigError);
    await expect(on(host)).rejects.toThrow(
      `${host}:0 is not an address of this machine; set HEALTH_HOST to one`,
    );
  }
});
