import { userInfo } from 'node:os';
import { currentUser } from './current-user';

it('who runs a command is who they say they are, where all are one user', () => {
  expect(currentUser({ ORDERMESH_USER: 'asha' })).toBe('asha');
  expect(currentUser({ ORDERMESH_USER: ' ' })).toBe(userInfo().username);
  expect(currentUser({})).toBe(userInfo().username);
});
