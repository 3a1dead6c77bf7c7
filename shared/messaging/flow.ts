import type { Pauses } from '../service/pauses';
import { shareOf } from '../service/pauses';
import type { Attachment } from './delivery';

/** What the broker sends a consumer: nothing while its service is paused, and more by and by after that. */
export interface Flow {
  /** Brings it to what it is to be now. One change at a time; what fails ends the session. Never throws. */
  adjust(): Promise<void>;
  /** Ends it for good. @throws where the broker does not answer */
  end(): Promise<void>;
  /** Unacknowledged deliveries that the broker sends ahead; 0 while it sends none. */
  readonly prefetch: number;
  readonly consumerTag: string | undefined;
}

/** In a ramp the prefetch grows in these steps: each has the broker begin a consumer anew. */
const STEPS = [0.1, 0.25, 0.5, 1];

/**
 * @param most the prefetch, usually
 * @param begin has the broker send: consumes, and answers the consumer's tag
 */
export function createFlow(
  attachment: Attachment,
  service: string,
  most: number,
  pauses: Pauses,
  begin: () => Promise<string>,
): Flow {
  let prefetch = 0;
  let consumerTag: string | undefined;
  let ended = false;
  let changing: Promise<void> = Promise.resolve();

  function wanted(): number {
    const share = pauses.share(service);
    return ended || share === 0 ? 0 : shareOf(most, STEPS.findLast((step) => step <= share) ?? STEPS[0]!);
  }

  async function change(): Promise<void> {
    const next = wanted();
    if (next === prefetch || !attachment.session.open) return;
    if (consumerTag) await attachment.channel.cancel(consumerTag);
    if (next === 0) {
      [prefetch, consumerTag] = [0, undefined];
      return;
    }
    // It holds for the consumers that begin after it: https://www.rabbitmq.com/docs/consumer-prefetch
    await attachment.channel.prefetch(next);
    consumerTag = await begin();
    prefetch = next;
  }

  const adjust = () =>
    (changing = changing.then(change).catch((error: unknown) => attachment.session.fail(error)));
  return {
    adjust,
    end: async () => {
      ended = true;
      await adjust();
    },
    get prefetch() {
      return prefetch;
    },
    get consumerTag() {
      return consumerTag;
    },
  };
}
