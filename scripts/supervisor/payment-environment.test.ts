import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { cardTokenKey, paymentEnvironment } from './payment-environment';

const environment = { ...process.env };
afterEach(() => {
  process.env = { ...environment };
});

test('the key for card tokens is made once, for the owner alone', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'ordermesh-test-'));
  try {
    const file = path.join(folder, 'card-token.key');
    const key = cardTokenKey(file);
    expect(Buffer.from(key, 'base64')).toHaveLength(32);
    expect(cardTokenKey(file)).toBe(key);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder)).toEqual(['card-token.key']);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('what the user has set comes first', () => {
  process.env.CARD_TOKEN_KEY = 'the key';
  process.env.PAYMENT_SIMULATOR_URL = '';
  const url = 'http://127.0.0.1:9107';
  // The key that was used before comes behind it: orders that are still to be paid may need it.
  const keys = expect.stringMatching(/^the key(,[A-Za-z0-9+/=]{44})?$/) as string;
  expect(paymentEnvironment(url)).toEqual({ CARD_TOKEN_KEY: keys, PAYMENT_SIMULATOR_URL: url });
  expect(paymentEnvironment(undefined)).toEqual({ CARD_TOKEN_KEY: keys });
  process.env.PAYMENT_SIMULATOR_URL = 'http://elsewhere';
  expect(paymentEnvironment(url).PAYMENT_SIMULATOR_URL).toBe('http://elsewhere');
});
