import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { openManagement } from './management';

it('of several nodes the first that answers is asked', async () => {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    const well = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const away = 'http://127.0.0.1:1';
    await openManagement([away, well], 'amqp://u:p@one,two/v').ask('PUT', 'permissions/{vhost}/a', {});
    expect(asked).toEqual(['PUT /api/permissions/v/a']);
    await expect(openManagement([away], 'amqp://u:p@one').ask('PUT', 'users/a')).rejects.toThrow(
      'does not answer at 127.0.0.1:1',
    );
  } finally {
    server.close();
  }
});
