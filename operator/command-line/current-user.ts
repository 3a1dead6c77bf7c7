import { userInfo } from 'node:os';

/**
 * Who runs the command, for the record. In a container that is the same for everybody, or a number only: there it may be
 * said.
 */
export function currentUser({ ORDERMESH_USER: said } = process.env): string {
  try {
    return said?.trim() || userInfo().username;
  } catch {
    return `user ${process.getuid?.() ?? 'unknown'}`;
  }
}
