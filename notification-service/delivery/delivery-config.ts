import { z } from 'zod';
import { count, duration } from '../../shared/service/config';

/** Variables of the delivery. */
export const deliveryConfig = z.object({
  /** Attempts at a time, all lanes together. */
  NOTIFICATION_CONCURRENCY: count(128, 1_000),
  /** How long notifications are kept once they are settled. */
  NOTIFICATION_RETENTION: duration('90d'),
});
