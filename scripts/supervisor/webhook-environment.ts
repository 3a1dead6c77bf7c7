/** On a machine where somebody develops, receivers run on this machine; what the user's environment sets comes first. */
export const webhookEnvironment = (): Record<string, string> => ({
  WEBHOOK_ALLOW_PRIVATE: process.env.WEBHOOK_ALLOW_PRIVATE || 'true',
});
