import { UserError } from '../servers/search';
import { readUsersArguments } from './arguments';

it('names that no role may have are refused before anything is done', () => {
  for (const prefix of ['pg_', 'pg_shop1-'])
    expect(() => readUsersArguments(['--prefix', prefix])).toThrow(
      new UserError(`--prefix ${prefix}: PostgreSQL keeps the names that begin with pg_ for its own roles.`),
    );
  for (const prefix of ['Shop', '1-', 'a b'])
    expect(() => readUsersArguments(['--prefix', prefix])).toThrow('beginning with a letter');
  for (const prefix of ['pg-', 'pg', 'shop_1-'])
    expect(readUsersArguments(['--prefix', prefix])).toMatchObject({ prefix });
});
