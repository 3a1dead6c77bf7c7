import { ConfigError } from '../../shared/service/config';
import { createLogger } from '../../shared/service/logger';
import { readConfig } from '../../shared/service/config';
import { chooseGateway, gatewayConfig } from './choose-gateway';

const log = createLogger('test', 'silent');
const chosen = (environment: Record<string, string>) =>
  chooseGateway(readConfig(gatewayConfig, environment), log).name;
const problem = (environment: Record<string, string>): string => {
  try {
    return chosen(environment);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as Error).message;
  }
};

it('is the simulator unless Stripe is chosen', () => {
  expect(chosen({})).toBe('simulator');
  expect(chosen({ PAYMENT_GATEWAY: '', STRIPE_SECRET_KEY: '' })).toBe('simulator');
  expect(chosen({ PAYMENT_GATEWAY: 'stripe', STRIPE_SECRET_KEY: 'sk_test_1' })).toBe('stripe');
});

it('in production, the simulator only if that is said', () => {
  expect(problem({ NODE_ENV: 'production' })).toContain('PAYMENT_GATEWAY: NODE_ENV is production');
  expect(chosen({ NODE_ENV: 'production', PAYMENT_GATEWAY: 'simulator' })).toBe('simulator');
});

it('says what to set, and no secret', () => {
  expect(problem({ PAYMENT_GATEWAY: 'stripe' })).toContain(
    'STRIPE_SECRET_KEY: is needed for PAYMENT_GATEWAY=stripe',
  );
  const told = problem({
    PAYMENT_GATEWAY: 'paypal',
    STRIPE_SECRET_KEY: 'pk_live_hush',
    PAYMENT_SIMULATOR_URL: 'localhost:9107',
    STRIPE_API_URL: 'ftp://x',
    PAYMENT_TIMEOUT: 'soon',
  });
  for (const name of [
    'PAYMENT_GATEWAY',
    'STRIPE_SECRET_KEY',
    'PAYMENT_SIMULATOR_URL',
    'STRIPE_API_URL',
    'PAYMENT_TIMEOUT',
  ])
    expect(told).toContain(`  ${name}: `);
  expect(told).not.toContain('hush');
  expect(problem({ PAYMENT_GATEWAY: 'stripe', PAYMENT_TIMEOUT: 'soon' })).toMatch(
    /PAYMENT_TIMEOUT[^]*STRIPE_SECRET_KEY/,
  );
});
