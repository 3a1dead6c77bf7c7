import type { Part } from '../bench';
import { accept } from './accept';
import { acceptKeys } from './accept-keys';
import { acceptLimits } from './accept-limits';
import { duel } from './duel';
import { hotItem } from './hot-item';
import { idle } from './idle';
import { latency } from './latency';
import { logins } from './logins';
import { memory } from './memory';
import { mesh } from './mesh';
import { overload } from './overload';
import { relay } from './relay';
import { relayBacklog } from './relay-backlog';
import { scale } from './scale';
import { telemetry } from './telemetry';
import { webhooks } from './webhooks';

/** In the order in which they run: later ones use the rate that `mesh` has found. */
export const allParts: readonly Part[] = [
  accept,
  acceptKeys,
  acceptLimits,
  logins,
  relay,
  relayBacklog,
  mesh,
  latency,
  hotItem,
  overload,
  telemetry,
  webhooks,
  idle,
  scale,
  memory,
  duel,
];
