import { UserError } from '../servers/search';
import { type Servers, provideServers } from '../servers/provide-servers';
import { banner } from './banner';
import { choosePorts } from './choose-ports';
import { type Control, aborted } from './control';
import { findOrderable, offerDemoMenu } from './demo-menu';
import { discoverServices } from './discover-services';
import { type MeshFile, removeMeshFile, writeMeshFile } from './mesh-file';
import {
  PAYMENT_SIMULATOR,
  paymentEnvironment,
  removeSimulatorData,
  simulatorEnvironment,
} from './payment-environment';
import { runMigrations } from './run-migrations';
import { ServiceGroup } from './service-group';
import type { StartArguments } from './start-arguments';
import { claimStart } from './start-lock';

/** The whole of it: servers, schema and topology, services, a menu to order from; until Ctrl-C. */
export async function runMesh(given: StartArguments, control: Control): Promise<void> {
  refuseToWipeForeignServers(given.fresh);
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
  ports: Record<string, number>,
): Promise<void> {
  const { databaseUrl, rabbitmqUrl, managementUrl } = servers;
  const apiUrl = `http://127.0.0.1:${ports['order-api']}`;
  const mesh: MeshFile = {
    api_url: apiUrl,
    database_url: databaseUrl,
    rabbitmq_url: rabbitmqUrl,
    management_url: managementUrl ?? null,
    services: {},
  };
  const simulatorPort = ports[PAYMENT_SIMULATOR];
  const simulatorUrl = simulatorPort ? `http://127.0.0.1:${simulatorPort}` : undefined;
  const payments = paymentEnvironment(simulatorUrl);
  let published = false;
  const group = new ServiceGroup({
    control,
    ports,
    environment: (service) => ({
      ...process.env,
      ...(service === PAYMENT_SIMULATOR ? simulatorEnvironment() : payments),
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
    if (given.demo) await offerDemoMenu(apiUrl, control.say);
    writeMeshFile(mesh);
    published = true;
    process.stdout.write(`${banner({ apiUrl, simulatorUrl, servers }, await findOrderable(apiUrl))}\n`);
    await aborted(control.stopping);
  } finally {
    published = false;
    removeMeshFile();
    await group.stop();
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
