import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { checkout } from '../servers/checkout';

const dist = path.join(checkout, 'dist');

/**
 * Every compiled top-level folder with a `main.js` is a service. order-api comes
 * first: it is started, listed and stopped first.
 */
export function discoverServices(folder = dist): string[] {
  const names = readdirSync(folder).filter((name) => existsSync(path.join(folder, name, 'main.js')));
  return names.sort((a, b) => Number(b === 'order-api') - Number(a === 'order-api') || a.localeCompare(b));
}

export function mainOf(service: string): string {
  return path.join(dist, service, 'main.js');
}
