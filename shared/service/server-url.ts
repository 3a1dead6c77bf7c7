/**
 * Reads the URL of a server, strictly, because a password with `#`, `/` or `?` in it would otherwise become part of
 * another component, or of an error message.
 * @param name the variable that holds it, for messages
 * @throws {Error} with one line that never repeats the value
 */
export function parseServerUrl(name: string, text: string, schemes: readonly string[]): URL {
  const password = `${name.replace(/_URL$/, '')}_PASSWORD`;
  const begin = schemes.map((scheme) => `${scheme}://`).join(' or ');
  if (!schemes.some((scheme) => text.startsWith(`${scheme}://`))) throw new Error(`must begin with ${begin}`);
  const hint = `in the user or password, write % as %25, # as %23, / as %2F and ? as %3F, or put the password into ${password}`;
  const authority = /^[^/]*\/\/([^/?#]*)/.exec(text)?.[1] ?? '';
  if (/#/.test(text) || text.slice(text.indexOf(authority) + authority.length).includes('@'))
    throw new Error(`is not a URL: ${hint}`);
  if (/,/.test(authority.slice(authority.lastIndexOf('@') + 1)))
    throw new Error('names several hosts, which is not supported: name one, or a proxy in front of them');
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new Error(`is not a URL: check its host and port; ${hint}`);
  }
  try {
    for (const part of [url.username, url.password, url.hostname, url.pathname]) decodeURIComponent(part);
  } catch {
    throw new Error(`is not a URL: ${hint}`);
  }
  if (/%00/.test(text)) throw new Error('has a NUL character in it');
  return url;
}

const POSTGRES = ['postgresql', 'postgres'] as const;
/** The variables that hold a server's URL, each with the one that may hold its password. */
export const SERVER_URLS = {
  DATABASE_URL: { password: 'DATABASE_PASSWORD', schemes: POSTGRES },
  DATABASE_DIRECT_URL: { password: 'DATABASE_DIRECT_PASSWORD', schemes: POSTGRES },
  DATABASE_READ_URL: { password: 'DATABASE_READ_PASSWORD', schemes: POSTGRES },
  RABBITMQ_URL: { password: 'RABBITMQ_PASSWORD', schemes: ['amqp', 'amqps'] },
  SMTP_URL: { password: 'SMTP_PASSWORD', schemes: ['smtp', 'smtps'] },
} as const;
export type ServerUrlName = keyof typeof SERVER_URLS;

/**
 * The password beside a URL. The three ways to PostgreSQL usually share a login, so `DATABASE_PASSWORD` is that of all
 * which have none of their own.
 */
export function passwordFor(
  name: ServerUrlName,
  environment: Record<string, string | undefined>,
): string | undefined {
  const own = environment[SERVER_URLS[name].password];
  if (own || SERVER_URLS[name].schemes !== POSTGRES || hasPassword(environment[name] ?? '')) return own;
  return environment.DATABASE_PASSWORD;
}

const hasPassword = (text: string) => /^[a-z]+:\/\/[^:@/?#]*:[^/]*@/.test(text) || /[?&]password=/.test(text);

/**
 * The servers that a URL names, each with a URL of its own: `amqp://user@one:5672,two:5672/vhost`, or several whole URLs
 * with a comma between them.
 */
export function splitServers(text: string): string[] {
  return text.split(/,(?=[a-z]+:\/\/)/).flatMap((url) => {
    const [, begin = '', hosts = '', rest = ''] =
      /^([a-z]+:\/\/(?:[^/?#]*@)?)([^/?#@]*)(.*)$/s.exec(url) ?? [];
    return hosts.includes(',') ? hosts.split(',').map((host) => begin + host.trim() + rest) : [url];
  });
}

/**
 * A server's URL with the password that was given beside it, whatever characters that has.
 * @returns the URL as it is when no password is given beside it
 * @throws {Error} with one line that repeats neither
 */
export function withPassword(name: ServerUrlName, text: string, password: string | undefined): string {
  if (!password) return text;
  const servers = splitServers(text);
  if (servers.length > 1) return servers.map((one) => withPassword(name, one, password)).join(',');
  const { password: variable, schemes } = SERVER_URLS[name];
  const url = parseServerUrl(name, text, schemes);
  const inUrl = url.searchParams.get('password') ?? decodeURIComponent(url.password);
  if (inUrl && inUrl !== password)
    throw new Error(`has a password, and ${variable} has a different one: set only one of them`);
  if (!password.isWellFormed() || password.includes('\0'))
    throw new Error(`cannot have the password in ${variable}: it is not text`);
  if (url.hostname) url.password = encodeURIComponent(password);
  else url.searchParams.set('password', password); // a socket's URL has no place for it
  return url.href;
}

/**
 * The environment with the passwords put into the URLs that they belong to.
 * @returns also a line for each URL that cannot take its password
 */
export function withPasswords(environment: Record<string, string | undefined>): {
  environment: Record<string, string | undefined>;
  problems: string[];
} {
  const complete = { ...environment };
  const problems: string[] = [];
  for (const name of Object.keys(SERVER_URLS) as ServerUrlName[]) {
    const text = environment[name];
    if (!text) continue;
    try {
      complete[name] = withPassword(name, text, passwordFor(name, environment));
    } catch (error) {
      problems.push(`${name}: ${(error as Error).message}`);
    }
  }
  return { environment: complete, problems };
}
