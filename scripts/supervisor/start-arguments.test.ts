import { parseStartArguments } from './start-arguments';

const known = ['order-api', 'inventory-service', 'status-service'];
const parse = (...args: string[]) => parseStartArguments(args, known);

test('without arguments: everything, with the demo menu, on the data there is', () => {
  expect(parse()).toEqual({ help: false, fresh: false, demo: true, services: [] });
});

test('flags and names', () => {
  expect(parse('--fresh', '--no-demo')).toMatchObject({ fresh: true, demo: false });
  expect(parse('status-service', 'order-api', 'status-service').services).toEqual([
    'status-service',
    'order-api',
  ]);
  expect(parse('-h').help).toBe(true);
});

test('an unknown service is answered with those there are', () => {
  expect(() => parse('inventory')).toThrow('There are: order-api, inventory-service, status-service.');
});

test('an unknown flag is answered with the usage', () => {
  expect(() => parse('--frsh')).toThrow('npm start -- --fresh');
});

test('--fresh is for the whole mesh', () => {
  expect(() => parse('--fresh', 'order-api')).toThrow('--fresh empties the data of the whole mesh');
});
