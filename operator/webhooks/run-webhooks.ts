import { makeSecret } from '../../order-api/webhooks/secrets';
import { openPost } from '../../notification-service/webhooks/post';
import { withBroker } from '../command-line/broker';
import { readWebhooksArguments } from './arguments';
import { listen } from './listen';
import { usage } from './usage';

/** What a run of the command works with. */
export interface WebhooksRun {
  args: string[];
  rabbitmqUrl: () => string;
  /** Events, and what became of them. */
  print: (text: string) => void;
  /** What people are told beside them. */
  say: (text: string) => void;
  stopping: AbortSignal;
}

/** `npm run webhooks`. @returns the exit code @throws {UsageError} @throws {UserError} */
export async function runWebhooks(run: WebhooksRun): Promise<number> {
  const given = readWebhooksArguments(run.args);
  if (given.action === 'help') {
    run.print(usage);
    return 0;
  }
  const secret = given.secret ?? makeSecret();
  const post = openPost({ allowPrivate: true });
  await withBroker(run.rabbitmqUrl(), 'ordermesh-webhooks', (broker) =>
    listen(broker, { ...given, secret, post, print: run.print, stopping: run.stopping }, () => {
      if (given.forwardTo) run.say(`Forwarding to ${given.forwardTo}, signed with ${secret}`);
      run.say('Waiting for events; Ctrl-C ends it.');
    }),
  );
  return 0;
}
