import { givenUrl } from '../given-url';
import { serverUrls } from '../server-urls';
import { choosePorts, reachedAt } from './choose-ports';
import { type Control, aborted } from './control';
import { discoverExamples } from './discover-services';
import { readMeshFile } from './mesh-file';
import { PAYMENT_SIMULATOR, paymentEnvironment } from './payment-environment';
import { runMigrations } from './run-migrations';
import { ServiceGroup } from './service-group';
import { webhookEnvironment } from './webhook-environment';

/**
 * Runs only these services, as more workers beside a mesh or against servers that
 * somebody else provides: no servers, no migrations, and mesh.json is left alone. Only an example, of which the mesh
 * may not know yet, is set up first.
 */
export async function runNamedServices(names: string[], control: Control): Promise<void> {
  const { databaseUrl, rabbitmqUrl } = serverUrls(`npm start -- ${names.join(' ')}`);
  const examples = names.filter((name) => discoverExamples().includes(name));
  if (examples.length > 0) await runMigrations({ databaseUrl, rabbitmqUrl }, control, examples);
  const ports = await choosePorts(names);
  const simulatorUrl = names.includes(PAYMENT_SIMULATOR)
    ? reachedAt(PAYMENT_SIMULATOR, ports.of(PAYMENT_SIMULATOR))
    : readMeshFile()?.services[PAYMENT_SIMULATOR]?.health_url;
  const environment = {
    ...process.env,
    ...webhookEnvironment(),
    ...paymentEnvironment(simulatorUrl),
    DATABASE_URL: givenUrl('DATABASE_URL') ?? databaseUrl, // a command's may be another: the direct one
    RABBITMQ_URL: rabbitmqUrl,
  };
  const group = new ServiceGroup({ control, names, ports, environment: () => environment });
  group.start();
  try {
    await group.untilReady();
    const where = names.map((name) => `${name} (${group.healthUrl(name)}/readyz)`);
    control.say(`running: ${where.join(', ')}. Ctrl-C stops ${names.length > 1 ? 'them' : 'it'}.`);
    const watching = group.watch(control.stopping);
    await Promise.race([aborted(control.stopping), group.hopeless]);
    await watching;
  } finally {
    await group.stop();
  }
}
