import { userInfo } from 'node:os';

/** Who runs the command; in a container there may be a number only. */
export function currentUser(): string {
  try {
    return userInfo().username;
  } catch {
    return `user ${process.getuid?.() ?? 'unknown'}`;
  }
}
