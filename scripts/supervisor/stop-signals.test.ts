import { EventEmitter } from 'node:events';
import { onStopSignals } from './stop-signals';

test('one Ctrl-C, which npm passes on a second time, does not hurry; the next one does', () => {
  const source = new EventEmitter();
  let now = 0;
  const stop = jest.fn();
  const hurry = jest.fn();
  onStopSignals({ stop, hurry }, source, () => now);

  source.emit('SIGINT', 'SIGINT');
  now = 5;
  source.emit('SIGINT', 'SIGINT');
  expect(stop).toHaveBeenCalledTimes(1);
  expect(hurry).not.toHaveBeenCalled();

  now = 1500;
  source.emit('SIGTERM', 'SIGTERM');
  expect(stop).toHaveBeenCalledTimes(1);
  expect(hurry).toHaveBeenCalledTimes(1);
});
