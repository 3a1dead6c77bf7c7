/** What is told of a request that was not answered: to the owner of the address, who need not learn what lies within this network. */
const WHY: Record<string, string> = {
  ENOTFOUND: 'its name is not known',
  EAI_AGAIN: 'its name could not be looked up',
  ECONNREFUSED: 'it refuses connections',
  ECONNRESET: 'it closed the connection without an answer',
  EPIPE: 'it closed the connection without an answer',
  EHOSTUNREACH: 'it cannot be reached',
  ENETUNREACH: 'it cannot be reached',
  ETIMEDOUT: 'it cannot be reached',
  HPE_HEADER_OVERFLOW: 'the head of its answer is too large',
};

export function whyUnreached(error: unknown, signal: AbortSignal): string {
  if (signal.aborted) return signal.reason instanceof Error ? signal.reason.message : 'given up';
  const { code, message } = error as NodeJS.ErrnoException;
  if (/ is not allowed\. Because/.test(message)) return 'its name stands for an address that is not public';
  if (code === undefined) return message;
  if (Object.hasOwn(WHY, code)) return WHY[code]!;
  if (code.startsWith('HPE_')) return `what it answers is no HTTP (${code})`;
  return `it cannot be reached (${code})`;
}
