import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { discoverExamples, discoverServices, mainOf } from './discover-services';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'ordermesh-test-'));
  for (const name of ['analytics-service', 'order-api', 'outbox-publisher', 'examples/loyalty-service'])
    service(name);
  mkdirSync(path.join(folder, 'shared'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function service(name: string): void {
  mkdirSync(path.join(folder, name), { recursive: true });
  writeFileSync(path.join(folder, name, 'main.js'), '');
}

test('every folder with a main.js is a service, and order-api is the first', () => {
  expect(discoverServices(folder)).toEqual(['order-api', 'analytics-service', 'outbox-publisher']);
});

test('one in examples/ is known by its name, and not one of them', () => {
  expect(discoverExamples(folder)).toEqual(['loyalty-service']);
  expect(mainOf('loyalty-service', folder)).toBe(`${folder}/examples/loyalty-service/main.js`);
});

test('a copy of an example at the root takes its place', () => {
  service('loyalty-service');
  expect(discoverServices(folder)).toContain('loyalty-service');
  expect(discoverExamples(folder)).toEqual([]);
  expect(mainOf('loyalty-service', folder)).toBe(`${folder}/loyalty-service/main.js`);
});
