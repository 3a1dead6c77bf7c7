import { PassThrough } from 'node:stream';
import { finished } from 'node:stream/promises';
import { prefixLines, prefixes } from './prefixed-output';

test('names are padded to one column, and coloured only where asked', () => {
  expect(prefixes(['order-api', 'status-service'], false)).toEqual({
    'order-api': 'order-api      | ',
    'status-service': 'status-service | ',
  });
  expect(prefixes(['order-api'], true)['order-api']).toBe('\u001b[36morder-api | \u001b[0m');
});

test('lines are written whole, however they arrive, and the last one without its line end too', async () => {
  const source = new PassThrough();
  const written: string[] = [];
  prefixLines(source, 'api | ', (line) => written.push(line));
  for (const chunk of ['{"a"', ':1}\n{"b":2}\nlast', ' words']) source.write(chunk);
  source.end();
  await finished(source);
  expect(written).toEqual(['api | {"a":1}\n', 'api | {"b":2}\n', 'api | last words\n']);
});
