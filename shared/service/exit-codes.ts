/** How a service's process ends when it cannot start (sysexits.h), for whoever supervises it. */
export const EXIT = {
  /** Its configuration is wrong: starting it again cannot help. */
  configuration: 78,
  /** Its port is taken: another one, or another moment, may do. */
  portTaken: 75,
} as const;

/** Thrown where a port is in use; the message says what to set. */
export class PortTakenError extends Error {
  override name = 'PortTakenError';
}
