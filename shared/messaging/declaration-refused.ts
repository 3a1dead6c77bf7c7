import { briefly } from './failure';

/** RabbitMQ does not let something be declared: it is there as another kind, or the login may not. The message has its words. */
export class DeclarationRefused extends Error {
  override name = 'DeclarationRefused';
}

const REFUSAL = /((?:PRECONDITION_FAILED|ACCESS_REFUSED|RESOURCE_LOCKED) - .*?)"?$/;

/** Throws what failed: as a {@link DeclarationRefused} where the broker has refused it. */
export function inItsWords(error: unknown): never {
  const [, words] = REFUSAL.exec(briefly(error)) ?? [];
  if (!words) throw error;
  const next = words.startsWith('ACCESS') ? 'Give the login that right' : 'It has to go first';
  throw new DeclarationRefused(`RabbitMQ refused a declaration: ${words}. ${next}, then run it again.`);
}
