import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { discoverServices } from './discover-services';

test('every folder with a main.js is a service, and order-api is the first', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'ordermesh-test-'));
  for (const name of ['analytics-service', 'order-api', 'shared', 'outbox-publisher']) {
    mkdirSync(path.join(folder, name));
    if (name !== 'shared') writeFileSync(path.join(folder, name, 'main.js'), '');
  }
  expect(discoverServices(folder)).toEqual(['order-api', 'analytics-service', 'outbox-publisher']);
  rmSync(folder, { recursive: true });
});
