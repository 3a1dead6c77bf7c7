import type { WorkerContext } from '../../shared/messaging/run-consumer';
import { channelPart } from '../../shared/service/pauses';

/** How much a delivery may do, and whom it tells what it is at. */
export interface DeliveryHealth {
  /** Of its usual work over a channel: 0 while that, or the whole service, is paused; less than 1 for a while after. */
  share: (channel: string) => number;
  /** See {@link WorkerContext}. */
  during: WorkerContext['during'];
}

export const healthOf = ({ pauses, during }: Pick<WorkerContext, 'pauses' | 'during'>): DeliveryHealth => ({
  share: (channel) => Math.min(pauses.share(channelPart(channel)), pauses.share('notification-service')),
  during,
});

/** Of one that is never paused, and whose health nobody asks for. */
export const alwaysWell: DeliveryHealth = { share: () => 1, during: (_name, work) => work() };
