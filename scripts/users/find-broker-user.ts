import { EVENTS_EXCHANGE } from '../../shared/messaging/topology';
import { UserError } from '../servers/search';
import { MARK, permissionsOf, type Management, type Permissions } from './make-broker-users';

type Keys = Permissions['keys'];
type Rights = Omit<Permissions, 'keys'> & { vhost: string };
type TopicRights = Keys & { vhost: string; exchange: string };

interface BrokerUser {
  tags: readonly string[];
  rights: readonly Rights[];
  topics: readonly TopicRights[];
}

/**
 * Users belong to the whole broker: another mesh's, or anybody's, is not given a new password, and not deleted.
 * @param name the login's, without what stands before it where several meshes are on one server
 * @returns whether there is one
 * @throws {UserError} for somebody else's
 */
export async function findBrokerUser(
  management: Management,
  user: string,
  name: string,
  advice: string,
): Promise<boolean> {
  const at = `users/${encodeURIComponent(user)}`;
  const there = await management.find<{ tags: string[] }>(at);
  if (!there) return false;
  const rights = (await management.find<Rights[]>(`${at}/permissions`)) ?? [];
  const topics = (await management.find<TopicRights[]>(`${at}/topic-permissions`)) ?? [];
  const strange = strangeAbout({ tags: there.tags, rights, topics }, management.vhost, name);
  if (strange)
    throw new UserError(
      `There is a user ${user} at RabbitMQ already, and not of this mesh (${strange}): ${advice}.`,
    );
  return true;
}

/** @returns what tells that a user is not of the mesh in this virtual host */
function strangeAbout({ tags, rights, topics }: BrokerUser, vhost: string, name: string): string | undefined {
  if (tags.some((tag) => tag !== MARK)) return `its tags: ${tags.join(', ')}`;
  const elsewhere = [...rights, ...topics].find((one) => one.vhost !== vhost);
  if (elsewhere) return `it has rights in the virtual host ${elsewhere.vhost}`;
  if (tags.includes(MARK) || isEarlier(rights, topics, name)) return undefined;
  return `it has not the tag ${MARK}`;
}

/** Users had no tag at first: theirs are the rights that some login of that name has. */
function isEarlier(rights: BrokerUser['rights'], topics: BrokerUser['topics'], name: string): boolean {
  const [right, topic] = [rights[0], topics[0]];
  if (!right || !topic || topics.length > 1 || topic.exchange !== EVENTS_EXCHANGE) return false;
  // The operator's name the consumers that there were; a consumer's keys are the types that it took.
  const consumers = right.write
    .replace(/^\^\(|\)\$$/g, '')
    .replaceAll('\\', '')
    .split('|');
  const login = { name, tables: {}, functions: [], forgets: [], announces: [] };
  return [{ as: 'consumer', types: [] } as const, { as: 'relay' } as const, { as: 'operator' } as const].some(
    (broker) => {
      const given = permissionsOf({ ...login, broker }, consumers)!;
      return (
        right.configure === given.configure &&
        right.write === given.write &&
        right.read === given.read &&
        topic.write === given.keys.write &&
        (broker.as === 'consumer' || topic.read === given.keys.read)
      );
    },
  );
}
