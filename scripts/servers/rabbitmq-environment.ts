import { mkdirSync, writeFileSync } from 'node:fs';
import type { Instance } from './instance';

/**
 * Writes the node's configuration and returns the environment to start it with.
 * Every default that would point at the system's node (/etc/rabbitmq, its data,
 * cookie, epmd, ports) is replaced. For RabbitMQ 3.10 and 4.x.
 */
export function rabbitmqEnvironment(instance: Instance, ports: Record<string, number>): NodeJS.ProcessEnv {
  const inFolder = (name: string) => instance.inFolder(name);
  for (const folder of ['data', 'logs', 'home', 'conf.d'])
    mkdirSync(inFolder(folder), { recursive: true, mode: 0o700 });
  const write = (name: string, text: string) => {
    writeFileSync(inFolder(name), text, { mode: 0o600 });
    return inFolder(name);
  };

  const conf = [
    `listeners.tcp.local = 127.0.0.1:${ports.amqp}`,
    'management.tcp.ip = 127.0.0.1',
    `management.tcp.port = ${ports.management}`,
    'prometheus.tcp.ip = 127.0.0.1',
    `prometheus.tcp.port = ${ports.prometheus}`,
    'default_user = ordermesh',
    `default_pass = ${instance.record.password}`,
    'default_user_tags.administrator = true',
  ];
  return {
    ...withoutErlang(process.env),
    // Names of files are read back as they were written, whatever the locale of the shell.
    LANG: 'C.UTF-8',
    LC_ALL: 'C.UTF-8',
    HOME: inFolder('home'), // the cookie is there
    // A fixed name: the data of a quorum queue belongs to the node that it names.
    RABBITMQ_NODENAME: 'ordermesh@localhost',
    RABBITMQ_MNESIA_BASE: inFolder('data'),
    RABBITMQ_LOG_BASE: inFolder('logs'),
    RABBITMQ_PID_FILE: inFolder('pid'),
    RABBITMQ_CONFIG_FILE: write('rabbitmq.conf', `${conf.join('\n')}\n`),
    RABBITMQ_CONFIG_FILES: `${inFolder('conf.d')}/*.conf`,
    RABBITMQ_ADVANCED_CONFIG_FILE: write('advanced.config', '[].\n'),
    RABBITMQ_CONF_ENV_FILE: write('rabbitmq-env.conf', ''),
    RABBITMQ_ENABLED_PLUGINS_FILE: write('enabled_plugins', '[rabbitmq_management,rabbitmq_prometheus].\n'),
    RABBITMQ_DIST_PORT: String(ports.distribution),
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '-kernel inet_dist_use_interface {127,0,0,1}',
    ERL_EPMD_PORT: String(ports.epmd),
    ERL_EPMD_ADDRESS: '127.0.0.1',
  };
}

/** What the user's shell has set for a node of his own is not meant for ours. */
function withoutErlang(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const foreign = /^(RABBITMQ_|ERL_|NOTIFY_SOCKET$)/;
  return Object.fromEntries(Object.entries(env).filter(([name]) => !foreign.test(name)));
}
