import { parseArgs } from 'node:util';
import { UserError } from '../servers/search';

export interface StartArguments {
  help: boolean;
  fresh: boolean;
  demo: boolean;
  /** Empty: all of them. */
  services: string[];
}

export const usage = `npm start                          everything: servers, migrations, all services
npm start -- --fresh               the same, with empty data
npm start -- --no-demo             the same, without the demo menu on an empty database
npm start -- inventory-service     only the named services, against DATABASE_URL and RABBITMQ_URL
                                   (or the mesh that runs from this checkout)
npm start -- loyalty-service       an example beside a mesh; its tables and queue are made first`;

/** @throws UserError for an unknown flag or service, naming what there is */
export function parseStartArguments(args: string[], known: string[]): StartArguments {
  const { fresh, help, demo, services } = read(args);
  const unknown = services.filter((name) => !known.includes(name));
  if (unknown.length > 0) {
    throw new UserError(`No service is called ${unknown.join(' or ')}. There are: ${known.join(', ')}.`);
  }
  if (fresh && services.length > 0) {
    throw new UserError(
      '--fresh empties the data of the whole mesh; it does not go with the names of services.',
    );
  }
  return { fresh, help, demo, services: [...new Set(services)] };
}

function read(args: string[]) {
  try {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        fresh: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false, short: 'h' },
        'no-demo': { type: 'boolean', default: false },
      },
    });
    return { fresh: values.fresh, help: values.help, demo: !values['no-demo'], services: positionals };
  } catch (error) {
    throw new UserError(`${(error as Error).message}\n\n${usage}`);
  }
}
