export const usage = `API keys: who may use the API, where order-api runs with AUTH=keys.

npm run keys -- create --role admin                        may do everything
npm run keys -- create --role staff --restaurant <id>      a restaurant's menu, stock and orders; several: once for each
npm run keys -- create --role customer --customer <id>     places orders as this customer, and sees those alone
npm run keys -- list                                       those that are in use
npm run keys -- rotate <key id>                            another secret for the same key
npm run keys -- revoke <key id>                            ends it

  --name <text>       create: what it is for
  --expires <time>    create and rotate: good for so long, such as 90d. Without it: until it is revoked
  --read-only         create: may look, but change nothing
  --overlap <time>    rotate: the old secret is good for so long yet (24h); 0 for not at all
  --all               list: also those that have expired or were revoked
  --json              list: for programs

The key is shown once, alone on standard output: KEY=$(npm run -s keys -- create --role admin). Only its hash is kept.
Where it cannot be written there, no key is made, and one that is rotated stays as it was.
A key that is revoked may be used for 5 more seconds; so may the old secret of one that was rotated with --overlap 0.
Its id stays the same when it is rotated: it is what orders and adjustments keep of who asked for them (key:<id>).

It works on DATABASE_URL or, where that is not set, on the mesh that runs from this checkout.
Exit codes: 0 done, 1 failed, 2 usage error.`;
