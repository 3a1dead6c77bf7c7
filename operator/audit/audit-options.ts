import type { DeadLetterQueues } from './dead-letter-queues';
import type { GatewayBooks } from './gateway-books';

export interface AuditOptions {
  databaseUrl: string;
  /** What is under way for longer than this counts as stuck. Default: two minutes. */
  graceMs?: number;
  /** The longest wait of the retry ladder. Default: ten minutes. */
  longestRetryMs?: number;
  /** So long a dead letter may wait for somebody to replay or discard it. Default: a day. */
  deadLetterGraceMs?: number;
  /** Judges only orders, events, notifications and adjustments made from then on; stock is always judged whole. */
  since?: Date;
  /** Findings named for each check at most; all are counted. Default: 20. */
  limit?: number;
  /** Only the checks of these names. */
  only?: readonly string[];
  /** Rows read by one statement, about. Default: 20,000. */
  rangeSize?: number;
  /** No statement may take longer. Default: one minute. */
  statementTimeoutMs?: number;
  /** The gateway's books, where they can be read; without them that comparison is skipped. */
  books?: GatewayBooks;
  /** The dead-letter queues, where they can be read; without them that comparison is skipped. */
  queues?: DeadLetterQueues;
  /** Told, range by range, how many of a unit (`orders`) are judged by now. */
  onProgress?: (unit: string, judged: number) => void;
}
