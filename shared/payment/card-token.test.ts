import { randomBytes } from 'node:crypto';
import { newId } from '../ids';
import {
  cardTokenKeys,
  MissingKeyError,
  openCardToken,
  sealCardToken,
  withId,
  type CardTokenKeys,
} from './card-token';

const key = randomBytes(32);
const keys: CardTokenKeys = [withId(key)];
const orderId = newId();

describe('a sealed card token', () => {
  it('opens with the key and for the order that it was sealed for', () => {
    const sealed = sealCardToken(keys, orderId, 'tok_größer_💳');
    expect(openCardToken(keys, orderId.toUpperCase(), sealed)).toBe('tok_größer_💳');
    expect(Buffer.from(sealed.bytes).includes('tok')).toBe(false);
  });

  it('is another one each time', () => {
    const [one, other] = [sealCardToken(keys, orderId, 'tok'), sealCardToken(keys, orderId, 'tok')];
    expect(Buffer.from(one.bytes).equals(Buffer.from(other.bytes))).toBe(false);
  });

  it('opens with a key that has been replaced, as long as that one is still named', () => {
    const old = sealCardToken(keys, orderId, 'tok_old');
    const newer: CardTokenKeys = [withId(randomBytes(32)), ...keys];
    expect(openCardToken(newer, orderId, old)).toBe('tok_old');
    expect(sealCardToken(newer, orderId, 'tok').keyId).toBe(newer[0].id);
    expect(openCardToken(newer, orderId, { ...old, keyId: null })).toBe('tok_old'); // from before keys had ids
  });

  it('that was sealed with a key which is gone names that key', () => {
    const sealed = sealCardToken(keys, orderId, 'tok_old');
    const others: CardTokenKeys = [withId(randomBytes(32))];
    expect(() => openCardToken(others, orderId, sealed)).toThrow(MissingKeyError);
    expect(() => openCardToken(others, orderId, sealed)).toThrow(keys[0].id);
    expect(() => openCardToken(others, orderId, { ...sealed, keyId: null })).toThrow('none of its keys');
  });

  it.each([
    ['for another order', newId(), (bytes: Uint8Array) => bytes],
    ['when changed', orderId, (bytes: Uint8Array) => Buffer.from(bytes).fill(bytes.at(-1)! ^ 1, -1)],
    ['when cut short', orderId, (bytes: Uint8Array) => bytes.subarray(0, 20)],
  ])('opens not %s', (_, order, change) => {
    const { keyId, bytes } = sealCardToken(keys, orderId, 'tok_approved');
    expect(() => openCardToken(keys, order, { keyId, bytes: change(bytes) })).toThrow(/./);
  });
});

describe('CARD_TOKEN_KEY', () => {
  const text = key.toString('base64');

  it('is one key, or several', () => {
    expect(cardTokenKeys.parse(text)).toEqual(keys);
    const other = randomBytes(32);
    expect(cardTokenKeys.parse(` ${other.toString('base64')} , ${text}`)).toEqual([withId(other), ...keys]);
  });

  it.each(['', 'sesame', randomBytes(16).toString('base64'), `${text},sesame`])('is not %j', (bad) => {
    expect(cardTokenKeys.safeParse(bad).success).toBe(false);
  });
});
