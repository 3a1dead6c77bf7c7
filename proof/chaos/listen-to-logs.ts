/** What the processes of a mesh have said that a run wants to know. */
export interface Heard {
  /** How often consumers were delivered what they had handled before. */
  ignored(): number;
  /** The relay that was the last to say that it owns the outbox. */
  relayOwner(): string | undefined;
  /** When the gateway was asked about an order's payment and it was not known afterwards what it had done. */
  unanswered(orderId: string): readonly number[];
}

const UNANSWERED = 'no answer about the payment; the gateway will be asked again';

/** Listens to the lines of all processes, as they come. */
export function listenToLogs(): Heard & { onLine: (process: string, line: string) => void } {
  let ignored = 0;
  let owner: string | undefined;
  const unanswered = new Map<string, number[]>();
  return {
    ignored: () => ignored,
    relayOwner: () => owner,
    unanswered: (orderId) => unanswered.get(orderId) ?? [],
    onLine: (process, line) => {
      if (line.includes('"msg":"handled before, ignored"')) ignored += 1;
      else if (line.includes('"msg":"owns the outbox"')) owner = process;
      else if (line.includes(UNANSWERED)) {
        const orderId = /"order_id":"([^"]+)"/.exec(line)?.[1];
        if (orderId) unanswered.set(orderId, [...(unanswered.get(orderId) ?? []), Date.now()]);
      }
    },
  };
}
