/** How a service's process ends by itself (sysexits.h), for whoever supervises it. */
export const EXIT = {
  /** Its configuration is wrong: starting it again cannot help. */
  configuration: 78,
  /** Its port is taken: another one, or another moment, may do. */
  portTaken: 75,
  /** It has ended itself, because it did not get on: started anew it may. */
  stuck: 70,
} as const;

/** Thrown where a port is in use; the message says what to set. */
export class PortTakenError extends Error {
  override name = 'PortTakenError';
}
