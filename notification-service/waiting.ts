import { Signal } from '../shared/service/signal';

/** Given when this process has recorded something to be told: whoever tells it need not wait for his next look. */
export const waiting = {
  /** By the log. */
  log: new Signal(),
  /** By the other channels. */
  channels: new Signal(),
};
