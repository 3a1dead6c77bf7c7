import { z } from 'zod';
import { duration } from '../../shared/service/config';
import type { Logger } from '../../shared/service/logger';
import type { Gateway } from './gateway';
import type * as Stripe from './stripe-gateway';
import { withResilience } from './resilient-gateway';
import { simulatorGateway } from './simulator-gateway';

const httpUrl = z
  .url({ protocol: /^https?$/, error: 'must begin with http:// or https://' })
  .refine((url) => !URL.canParse(url) || isPlain(new URL(url)), {
    error: 'must have no user, password, query or fragment in it',
  });

const isPlain = ({ username, password, search, hash }: URL) => !username && !password && !search && !hash;

/** The variables that say which gateway takes the money. */
export const gatewayConfig = z
  .object({
    PAYMENT_GATEWAY: z.enum(['simulator', 'stripe'], { error: 'must be simulator or stripe' }).optional(),
    PAYMENT_SIMULATOR_URL: httpUrl.default('http://127.0.0.1:9107'),
    STRIPE_SECRET_KEY: z
      .string()
      .regex(/^(sk|rk)_[\x21-\x7e]+$/, 'must be a secret (sk_…) or restricted (rk_…) key of a Stripe account')
      .optional(),
    STRIPE_API_URL: httpUrl.optional(),
    /** For each attempt of a call. */
    PAYMENT_TIMEOUT: duration('5s'),
    NODE_ENV: z.string().optional(),
  })
  .refine((config) => config.PAYMENT_GATEWAY !== 'stripe' || config.STRIPE_SECRET_KEY, {
    path: ['STRIPE_SECRET_KEY'],
    error:
      'is needed for PAYMENT_GATEWAY=stripe; set it to the secret key from https://dashboard.stripe.com/apikeys',
    when: () => true, // beside whatever else is wrong, so that all is reported at once
  })
  .refine((config) => config.PAYMENT_GATEWAY || config.NODE_ENV !== 'production', {
    path: ['PAYMENT_GATEWAY'],
    error:
      'NODE_ENV is production and no gateway is chosen; set it to stripe, or to simulator if no money is to be taken',
    when: () => true,
  });

// Only where it is chosen: its library is a tenth of a process that does without.
const loadStripe = () => require('./stripe-gateway') as typeof Stripe;

/** The gateway that the configuration chooses, with its timeouts, retries and circuit breaker. */
export function chooseGateway(config: z.infer<typeof gatewayConfig>, log: Logger): Gateway {
  const timeoutMs = config.PAYMENT_TIMEOUT;
  const gateway =
    config.PAYMENT_GATEWAY === 'stripe' && config.STRIPE_SECRET_KEY
      ? loadStripe().stripeGateway({
          secretKey: config.STRIPE_SECRET_KEY,
          apiUrl: config.STRIPE_API_URL,
          timeoutMs,
        })
      : simulatorGateway({ url: config.PAYMENT_SIMULATOR_URL, timeoutMs });
  return withResilience(gateway, { log, timeoutMs });
}
