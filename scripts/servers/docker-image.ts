import { setTimeout as delay } from 'node:timers/promises';
import { type ContainerRuntimeClient } from 'testcontainers';
import { NotAvailable, type Search } from './search';
import { messageOf } from './wait-until';

const pullWithinMs = 60_000;

/** @throws NotAvailable when the image is neither present nor pulled within a minute */
export async function haveImage(client: ContainerRuntimeClient, name: string, search: Search): Promise<void> {
  const { ImageName } = await import('testcontainers');
  const image = ImageName.fromString(name);
  if (await client.image.exists(image)) return;
  search.log(`Docker: pulling ${name}, for a minute at most…`);
  let why = `not within ${pullWithinMs / 1000} s`;
  const pull = client.image.pull(image).catch((error: unknown) => {
    why = messageOf(error);
  });
  await Promise.race([pull, delay(pullWithinMs, undefined, { ref: false, signal: search.signal })]);
  // Asked again in any case: a pull that broke off half-way ends like one that succeeded.
  if (await client.image.exists(image)) return;
  throw new NotAvailable(`Docker has no image ${name}, and it could not be pulled (${why})`);
}
