import { roles } from '../access/caller';
import { rightOf, type Right, type RouteName } from '../access/policy';

/** How callers may say who they are, for OpenAPI. */
export const SECURITY_SCHEMES = {
  apiKey: {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'om_live_…',
    description: 'An API key, as `npm run keys -- create` makes it. Needed where AUTH has `keys`.',
  },
  token: {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'JWT',
    description: 'A token of the OpenID provider. Needed where AUTH has `jwt`.',
  },
} as const;

const RIGHTS: Record<Right, string | undefined> = {
  none: undefined,
  own: ' (their own)',
  theirs: ' (of their restaurants)',
  all: '',
};

/** The policy in a sentence. */
export function whoMay(name: RouteName): string {
  const allowed = roles.flatMap((role) => {
    const right = RIGHTS[rightOf(role, name)];
    return right === undefined ? [] : [`${role}${right}`];
  });
  return `For: ${allowed.join(', ')}.`;
}
