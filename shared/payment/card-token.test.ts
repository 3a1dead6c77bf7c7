import { randomBytes } from 'node:crypto';
import { newId } from '../ids';
import { cardTokenKey, openCardToken, sealCardToken } from './card-token';

describe('card tokens', () => {
  const key = randomBytes(32);
  const orderId = newId();

  it('come back as they were', () => {
    const sealed = sealCardToken(key, orderId, 'tok_größer_💳');
    expect(openCardToken(key, orderId.toUpperCase(), sealed)).toBe('tok_größer_💳');
    expect(sealed.includes('tok_')).toBe(false);
  });

  it('never look the same twice', () => {
    expect(sealCardToken(key, orderId, 'tok').equals(sealCardToken(key, orderId, 'tok'))).toBe(false);
  });

  it.each([
    ['with another key', (sealed: Buffer) => openCardToken(randomBytes(32), orderId, sealed)],
    ['for another order', (sealed: Buffer) => openCardToken(key, newId(), sealed)],
    [
      'when a bit was changed',
      (sealed: Buffer) => openCardToken(key, orderId, sealed.fill(sealed.at(-1)! ^ 1, -1)),
    ],
    ['when cut short', (sealed: Buffer) => openCardToken(key, orderId, sealed.subarray(0, 20))],
  ])('do not open %s', (_case, open) => {
    expect(() => open(sealCardToken(key, orderId, 'tok_approved'))).toThrow(/./);
  });

  it('want a key of 32 bytes', () => {
    expect(cardTokenKey.safeParse(key.toString('base64')).data).toEqual(key);
    for (const bad of ['', 'secret', randomBytes(16).toString('base64')])
      expect(cardTokenKey.safeParse(bad).error?.issues[0]?.message).toMatch(/base64/);
  });
});
