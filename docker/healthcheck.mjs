// The container's health check: exits 0 when /readyz says yes, and prints what it said
// (`docker inspect` shows it). order-api answers on PORT and the others on HEALTH_PORT,
// never both: whichever answers is the one. Not fetch(): loading it takes twice as long
// as all the rest, and this runs every few seconds in every container.
import { get } from 'node:http';

const ports = [process.env.PORT, process.env.HEALTH_PORT].filter(Boolean);

const ask = (port) =>
  new Promise((resolve, reject) => {
    const request = get({ host: '127.0.0.1', port, path: '/readyz', timeout: 4_000 }, (response) => {
      response.pipe(process.stdout);
      resolve(response.statusCode === 200);
    });
    request.on('timeout', () => request.destroy(new Error(`no answer on port ${port}`)));
    request.on('error', reject);
  });

try {
  process.exitCode = (await Promise.any(ports.map(ask))) ? 0 : 1;
} catch (error) {
  console.error(error.errors.map(({ message }) => message).join('; '));
  process.exitCode = 1;
}
