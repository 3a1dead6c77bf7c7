// The container's health check: exits 0 when /readyz says yes, and that it is the service of this
// container; prints what it said (`docker inspect` shows it). order-api answers on PORT and the others
// on HEALTH_PORT, never both: whichever answers is the one. Not fetch(): loading it takes twice as long
// as all the rest, and this runs every few seconds in every container.
//
// For people, because the image has no curl: `node docker/healthcheck.mjs /metrics` prints what is answered there.
import { get } from 'node:http';

const { PORT, HEALTH_PORT, SERVICE = '' } = process.env;
const service = SERVICE.replace(/^.*\//, ''); // of an example, SERVICE has the folder too
const [, , asked] = process.argv;
const path = asked ?? `/readyz?service=${service}`;

const ask = (port) =>
  new Promise((resolve, reject) => {
    const request = get({ host: '127.0.0.1', port, path, timeout: 4_000 }, async (response) => {
      let said = '';
      for await (const chunk of response) said += chunk;
      process.stdout.write(said);
      resolve(response.statusCode === 200 && (asked !== undefined || serviceOf(said) === service));
    });
    request.on('timeout', () => request.destroy(new Error(`no answer on port ${port}`)));
    request.on('error', reject);
  });

function serviceOf(said) {
  try {
    return JSON.parse(said).service;
  } catch {
    return undefined;
  }
}

try {
  process.exitCode = (await Promise.any([PORT, HEALTH_PORT].filter((port) => port?.trim()).map(ask))) ? 0 : 1;
} catch (error) {
  console.error(error.errors.map(({ message }) => message).join('; '));
  process.exitCode = 1;
}
