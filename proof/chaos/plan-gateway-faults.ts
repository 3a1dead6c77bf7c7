import { gatewayKinds, type Fault, type GatewayKind, type PlanOptions } from './fault';
import type { Random } from '../testbed/random';

/** Between two of them: what was left undone is asked for again, and met by the next. */
const SLOT_MS = 12_000;

/** Each kind once, then again; none while another is not healed. */
export function gatewayFaults(
  random: Random,
  firstAt: number,
  endMs: number,
  { gateway, gatewayCaller, instances }: PlanOptions,
): Fault[] {
  const count = Math.max(0, Math.floor((endMs - firstAt) / SLOT_MS));
  const deck: GatewayKind[] = [];
  while (deck.length < count) deck.push(...random.shuffle(gatewayKinds));
  return deck.slice(0, count).map((kind, slot) => {
    const durationMs = kind === 'gateway-kill' ? 1_000 : random.int(3_000, 7_000);
    const at = firstAt + slot * SLOT_MS + random.int(0, SLOT_MS - 1_000 - durationMs);
    const caller = `${gatewayCaller}-${random.int(1, instances[gatewayCaller] ?? 1)}`;
    return { at, kind, target: kind === 'kill-mid-call' ? caller : gateway, durationMs };
  });
}
