/** Tests that take minutes: `npm run test:slow` runs them. */
export const slow = process.env.SLOW_TESTS ? describe : describe.skip;
