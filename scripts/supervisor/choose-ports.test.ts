import { choosePorts } from './choose-ports';

const given = { ...process.env };
afterEach(() => {
  process.env = { ...given };
});

test.each([
  ['PORT', 'order-api', ['0', '0x1F90', '1e4', '8000 ', '65536', 'abc']],
  ['HEALTH_PORT', 'inventory-service', ['0x1F90', '1e4', '8000 ', '65536', 'abc']],
])('a %s that is no number in decimal digits is named', async (variable, service, values) => {
  for (const value of values) {
    process.env[variable] = value;
    await expect(choosePorts([service])).rejects.toThrow(`${variable} is "${value}"; it has to be a number`);
  }
});
