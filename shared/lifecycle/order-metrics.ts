import { histogram } from '../service/metrics';

const stages = histogram(
  'ordermesh_order_stage_seconds',
  'How long orders took: from PLACED to PREPARING (the mesh), from PREPARING to DELIVERED (people)',
  ['stage'],
  [0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 1_800, 3_600, 7_200, 14_400],
);

export type Stage = 'placed_to_preparing' | 'preparing_to_delivered';

/** An order has come through a stage. Of a transaction that is taken up again it may be told twice. */
export function observeStage(stage: Stage, from: Date | null | undefined, to: Date): void {
  if (from) stages.observe({ stage }, Math.max(0, to.getTime() - from.getTime()) / 1_000);
}
