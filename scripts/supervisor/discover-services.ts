import path from 'node:path';
import { foldersWith } from '../../shared/service/service-folders';
import { checkout } from '../servers/checkout';

const dist = path.join(checkout, 'dist');

/**
 * Every compiled top-level folder with a `main.js` is a service. order-api comes
 * first: it is started, listed and stopped first.
 */
export function discoverServices(folder = dist): string[] {
  const names = foldersWith('main.js', folder).flatMap(({ name, isExample }) => (isExample ? [] : [name]));
  return names.sort((a, b) => Number(b === 'order-api') - Number(a === 'order-api'));
}

/** Services in `examples/`, which run only where they are named. */
export const discoverExamples = (folder = dist): string[] =>
  foldersWith('main.js', folder).flatMap(({ name, isExample }) => (isExample ? [name] : []));

/** @throws for a service that does not exist */
export function mainOf(service: string, folder = dist): string {
  const found = foldersWith('main.js', folder).find(({ name }) => name === service);
  if (!found) throw new Error(`there is no service ${service}`);
  return path.join(folder, found.path, 'main.js');
}
