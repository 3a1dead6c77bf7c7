import { PassThrough } from 'node:stream';
import { finished } from 'node:stream/promises';
import { eachLine } from './each-line';

test('lines are whole, however they arrive, and the last one without its line end too', async () => {
  const source = new PassThrough();
  const lines: string[] = [];
  eachLine(source, (line) => lines.push(line));
  for (const chunk of ['{"a"', ':1}\n{"b":2}\r\nlast', ' words']) source.write(chunk);
  source.end();
  await finished(source);
  expect(lines).toEqual(['{"a":1}', '{"b":2}', 'last words']);
});
