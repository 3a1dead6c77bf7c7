/**
 * How a service's process is started; the Dockerfile says the same. V8's young generation is kept small, as the old one
 * is by run-service.ts: several services share a machine.
 */
export const nodeArguments = ['--enable-source-maps', '--max-semi-space-size=4'];
