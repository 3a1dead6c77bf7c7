import { counter } from '../../shared/service/metrics';

const total = counter(
  'ordermesh_notifications_total',
  'Attempts to notify somebody, by how they ended: sent, retried, failed, dropped',
  ['channel', 'outcome'],
);

const OUTCOMES = { SENT: 'sent', PENDING: 'retried', FAILED: 'failed', DROPPED: 'dropped' } as const;

export const countAttempt = (channel: string, status: keyof typeof OUTCOMES): void =>
  total.inc({ channel: channel.toLowerCase(), outcome: OUTCOMES[status] });
