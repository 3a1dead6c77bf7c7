import { givenDatabase } from '../given-url';
import { UserError } from '../servers/search';
import { type Servers, provideServers } from '../servers/provide-servers';
import { banner, howToCall, tryIt } from './banner';
import { mayCall } from './call-api';
import { checkConfiguration } from './check-configuration';
import { choosePorts, reachedAt, type Ports } from './choose-ports';
import { chooseLogFormat } from './log-format';
import { type Control, aborted } from './control';
import { findOrderable, offerDemoMenu } from './demo-menu';
import { discoverServices } from './discover-services';
import { mailEnvironment, startMailBox } from './maildev';
import { type MeshFile, removeMeshFile, writeMeshFile } from './mesh-file';
import {
  PAYMENT_SIMULATOR,
  paymentEnvironment,
  removeSimulatorData,
  simulatorEnvironment,
} from './payment-environment';
import { runMigrations } from './run-migrations';
import { sendAgain } from './send-again';
import { ServiceGroup } from './service-group';
import type { StartArguments } from './start-arguments';
import { claimStart } from './start-lock';
import { webhookEnvironment } from './webhook-environment';

/** The whole of it: servers, schema and topology, services, a menu to order from; until Ctrl-C. */
export async function runMesh(given: StartArguments, control: Control): Promise<void> {
  refuseToWipeForeignServers(given.fresh);
  checkConfiguration();
  const release = claimStart();
  try {
    removeMeshFile(); // of a run that was killed
    // Before the servers, so that a port that is taken costs no wait.
    const ports = await choosePorts(discoverServices());
    const { say: log, stopping: signal } = control;
    const servers = await provideServers({ purpose: 'start', log, signal, fresh: given.fresh });
    try {
      if (given.fresh) removeSimulatorData();
      await runMigrations(servers, control);
      if (servers.allSentAgain) {
        await sendAgain(servers.databaseUrl);
        servers.allSentAgain();
      }
      await runServices(given, control, servers, ports);
    } finally {
      control.say('stopping the servers');
      await servers.stop(control.hurrying);
    }
  } finally {
    release();
  }
}

async function runServices(
  given: StartArguments,
  control: Control,
  servers: Servers,
  ports: Ports,
): Promise<void> {
  const { databaseUrl, rabbitmqUrl, managementUrl } = servers;
  const names = discoverServices();
  const mail = await startMailBox(control.say);
  const apiUrl = reachedAt('order-api', ports.of('order-api'));
  const mesh: MeshFile = {
    api_url: apiUrl,
    database_url: givenDatabase() ?? databaseUrl, // commands read it
    rabbitmq_url: rabbitmqUrl,
    management_url: managementUrl ?? null,
    mail_url: mail.webUrl ?? null,
    services: {},
  };
  const simulatorUrl = () =>
    names.includes(PAYMENT_SIMULATOR) ? reachedAt(PAYMENT_SIMULATOR, ports.of(PAYMENT_SIMULATOR)) : undefined;
  let published = false;
  const group = new ServiceGroup({
    control,
    names,
    ports,
    environment: (service) => ({
      ...process.env,
      ...webhookEnvironment(),
      ...(service === PAYMENT_SIMULATOR ? simulatorEnvironment() : paymentEnvironment(simulatorUrl())),
      ...mailEnvironment(mail, apiUrl),
      DATABASE_URL: databaseUrl,
      RABBITMQ_URL: rabbitmqUrl,
    }),
    onStarted: (name, pid) => {
      mesh.services[name] = { pid, health_url: group.healthUrl(name) };
      if (published) writeMeshFile(mesh);
    },
  });
  group.start();
  try {
    await group.untilReady();
    const open = mayCall();
    if (given.demo && open) await offerDemoMenu(apiUrl, control.say);
    writeMeshFile(mesh);
    published = true;
    const toTry = open ? tryIt(apiUrl, await findOrderable(apiUrl)) : howToCall;
    // Where a program reads the log, nothing else is in it.
    const output = chooseLogFormat() === 'pretty' ? process.stdout : process.stderr;
    const running = { apiUrl, simulatorUrl: simulatorUrl(), mailUrl: mail.webUrl, servers };
    const text = banner({ ...running, onTerminal: output.isTTY }, toTry);
    await group.untilQuiet();
    output.write(`${text}\n`);
    const watching = group.watch(control.stopping);
    await Promise.race([aborted(control.stopping), group.hopeless]);
    await watching;
  } finally {
    published = false;
    removeMeshFile();
    await group.stop();
    await mail.stop();
  }
}

function refuseToWipeForeignServers(fresh: boolean): void {
  const set = ['DATABASE_URL', 'RABBITMQ_URL'].filter((name) => process.env[name]);
  if (!fresh || set.length === 0) return;
  throw new UserError(
    `--fresh removes the project's own data, and ${set.join(' and ')} ${set.length > 1 ? 'point' : 'points'} at a server that is not its own.\n` +
      'Empty that one yourself, or unset the variable.',
  );
}
