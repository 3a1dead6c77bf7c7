import { createInterface } from 'node:readline/promises';
import { discoverSubscriptions } from '../shared/messaging/declare-mesh';
import { givenDatabase, givenUrl } from '../scripts/given-url';
import { brokerUrl } from '../scripts/server-urls';
import { currentUser } from './command-line/current-user';
import { runCommandLine } from './command-line/run-command-line';
import { sayWhere } from '../scripts/say-where';
import { discoverExamples } from '../scripts/supervisor/discover-services';
import { readMeshFile } from '../scripts/supervisor/mesh-file';
import { runDlq } from './dlq/run-dlq';

runCommandLine('dlq', (stopping) =>
  runDlq({
    args: process.argv.slice(2),
    rabbitmqUrl: () => sayWhere({ rabbitmqUrl: brokerUrl('npm run dlq') }).rabbitmqUrl,
    databaseUrl: databaseBeside,
    user: currentUser,
    services: () => discoverSubscriptions().map(({ service }) => service),
    examples: () => discoverExamples(),
    print: (text) => console.log(text),
    warn: (text) => console.error(text),
    confirm: process.stdin.isTTY && process.stdout.isTTY ? (question) => ask(question, stopping) : undefined,
    stopping,
  }),
);

/** The database of the same mesh as the broker: both are given, or both are those of the mesh that runs here. */
function databaseBeside(): string | undefined {
  return givenUrl('RABBITMQ_URL') ? givenDatabase() : readMeshFile()?.database_url;
}

async function ask(question: string, stopping: AbortSignal): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  // While it reads, Ctrl-C comes here and not to the process.
  terminal.on('SIGINT', () => process.kill(process.pid, 'SIGINT'));
  const answer = await terminal.question(`${question} [y/N] `, { signal: stopping }).catch(() => '');
  terminal.close();
  return /^y(es)?$/i.test(answer.trim());
}
