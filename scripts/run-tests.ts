import { type ChildProcess, spawn } from 'node:child_process';
import path from 'node:path';
import { runMain } from './run-main';
import { checkout } from './servers/checkout';
import { type Servers, provideServers } from './servers/provide-servers';
import { takeSecretFiles } from './take-secret-files';
import { withTemplateDatabase } from './template-database';

// npm test: the servers first, then Jest with whatever arguments were given, then
// the servers' end. shared/testing builds on the TEST_ variables set here.

const say = (line: string) => console.error(line);

async function main(stopping: AbortSignal, hurrying: AbortSignal): Promise<number> {
  takeSecretFiles();
  const servers = await provideServers({ purpose: 'test', log: say, signal: stopping });
  try {
    say(`PostgreSQL: ${servers.how.postgres}\nRabbitMQ: ${servers.how.rabbitmq}`);
    return await withTemplateDatabase(servers.databaseUrl, (template) => {
      stopping.throwIfAborted();
      return runJest(servers, template, stopping, hurrying);
    });
  } finally {
    await servers.stop(hurrying);
  }
}

function runJest(
  servers: Servers,
  template: string,
  stopping: AbortSignal,
  hurrying: AbortSignal,
): Promise<number> {
  // Without these two: a test must not find its way to servers that hold somebody's data.
  const {
    DATABASE_URL: _database,
    DATABASE_PASSWORD: _databasePassword,
    DATABASE_DIRECT_URL: _direct,
    DATABASE_READ_URL: _read,
    RABBITMQ_URL: _broker,
    RABBITMQ_PASSWORD: _brokerPassword,
    ...env
  } = process.env;
  const args = process.argv.slice(2);
  const workers = args.some((arg) => /^(-w|-i|--maxWorkers|--runInBand)/.test(arg)) ? [] : ['--maxWorkers=2'];
  const jest = path.join(checkout, 'node_modules', 'jest', 'bin', 'jest.js');
  const child = spawn(process.execPath, [jest, ...workers, ...args], {
    cwd: checkout,
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    env: {
      ...env,
      // Asked for by name, a slow test is run.
      ...(args.some((arg) => arg.includes('slow')) ? { TEST_SLOW: 'yes' } : {}),
      TEST_DATABASE_URL: servers.databaseUrl,
      TEST_TEMPLATE_DATABASE: template,
      TEST_RABBITMQ_URL: servers.rabbitmqUrl,
      TEST_RABBITMQ_MANAGEMENT_URL: servers.managementUrl,
    },
  });
  stopping.addEventListener('abort', () => child.kill('SIGTERM'), { once: true });
  hurrying.addEventListener('abort', () => child.kill('SIGKILL'), { once: true });
  const left = killIfItLingers(child);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => resolve(left() ? 1 : (code ?? 1)));
  });
}

const lingerMs = 20_000;

/**
 * Jest waits for ever for what a test has left open. The reporter says when the run
 * is complete; after that a while is given, and then the leak is a failure.
 */
function killIfItLingers(jest: ChildProcess): () => boolean {
  let lingered = false;
  jest.once('message', () => {
    const timer = setTimeout(() => {
      lingered = true;
      say(`Jest did not end within ${lingerMs / 1000} s of its last test: a test has left something open.`);
      jest.kill('SIGKILL');
    }, lingerMs);
    jest.once('exit', () => clearTimeout(timer));
  });
  return () => lingered;
}

runMain(({ stopping, hurrying }) => main(stopping, hurrying));
