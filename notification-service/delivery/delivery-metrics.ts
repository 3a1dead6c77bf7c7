import { counter, readGauge } from '../../shared/service/metrics';
import type { Lanes } from './lanes';

const total = counter(
  'ordermesh_notifications_total',
  'Attempts to notify somebody, by how they ended: sent, retried, failed, dropped',
  ['channel', 'outcome'],
);

const OUTCOMES = { SENT: 'sent', PENDING: 'retried', FAILED: 'failed', DROPPED: 'dropped' } as const;

export const countAttempt = (channel: string, status: keyof typeof OUTCOMES): void =>
  total.inc({ channel: channel.toLowerCase(), outcome: OUTCOMES[status] });

/** Tells how many of this instance's lanes are in trouble, by channel: all of email, all of Slack, each webhook. */
export function tellOfLanes(lanes: Lanes): void {
  readGauge(
    'ordermesh_notification_lanes_failing',
    'Lanes (of a channel, or of a webhook) in which attempt after attempt fails; each instance tells of its own',
    ['channel'],
    () => Object.entries(lanes.failing()).map(([channel, value]) => ({ labels: { channel }, value })),
  );
}
