import { brokerUrl } from '../scripts/server-urls';
import { sayWhere } from '../scripts/say-where';
import { runCommandLine } from './command-line/run-command-line';
import { runWebhooks } from './webhooks/run-webhooks';

runCommandLine('webhooks', (stopping) =>
  runWebhooks({
    args: process.argv.slice(2),
    rabbitmqUrl: () => sayWhere({ rabbitmqUrl: brokerUrl('npm run webhooks') }).rabbitmqUrl,
    print: (text) => console.log(text),
    say: (text) => console.error(text),
    stopping,
  }),
);
