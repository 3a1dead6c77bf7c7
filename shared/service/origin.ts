/**
 * The origin at which a server that listens on `host` is reached from this machine: `http://[::1]:8000`. One that
 * listens everywhere is reached on loopback.
 */
export function originOf(host: string, port: number): string {
  const reached = { '0.0.0.0': '127.0.0.1', '::': '::1', '': '127.0.0.1' }[host] ?? host;
  return `http://${reached.includes(':') ? `[${reached}]` : reached}:${port}`;
}
