import { createInterface } from 'node:readline/promises';
import { discoverSubscriptions } from '../shared/messaging/declare-mesh';
import { brokerUrl } from '../scripts/server-urls';
import { runCommandLine } from './command-line/run-command-line';
import { sayWhere } from '../scripts/say-where';
import { runDlq } from './dlq/run-dlq';

runCommandLine('dlq', (stopping) =>
  runDlq({
    args: process.argv.slice(2),
    rabbitmqUrl: () => sayWhere({ rabbitmqUrl: brokerUrl('npm run dlq') }).rabbitmqUrl,
    services: () => discoverSubscriptions().map(({ service }) => service),
    print: (text) => console.log(text),
    warn: (text) => console.error(text),
    confirm: process.stdin.isTTY && process.stdout.isTTY ? (question) => ask(question, stopping) : undefined,
    stopping,
  }),
);

async function ask(question: string, stopping: AbortSignal): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  // While it reads, Ctrl-C comes here and not to the process.
  terminal.on('SIGINT', () => process.kill(process.pid, 'SIGINT'));
  const answer = await terminal.question(`${question} [y/N] `, { signal: stopping }).catch(() => '');
  terminal.close();
  return /^y(es)?$/i.test(answer.trim());
}
