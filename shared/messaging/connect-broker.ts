import { connect, credentials, type ChannelModel } from 'amqplib';
import { parseRabbitmqUrl } from '../service/rabbitmq-url';
import { surviveUnreadableHeaders } from './unreadable-headers';

export interface BrokerOptions {
  timeout?: number;
  noDelay?: boolean;
  keepAlive?: boolean;
  highWaterMark?: number;
  clientProperties?: { connection_name: string };
}

/**
 * Connects to RabbitMQ as a RABBITMQ_URL says: the one place where a connection is opened. The login goes beside the
 * URL, because amqplib would read what is not ASCII in it as Latin-1, and its errors may repeat a URL.
 * @throws {Error} what amqplib or the socket says; it never has the password in it
 */
export async function connectBroker(url: string, options: BrokerOptions = {}): Promise<ChannelModel> {
  const target = parseRabbitmqUrl(url);
  const connection = await connect(target.url, {
    ...options,
    timeout: target.connectTimeoutMs ?? options.timeout,
    ...target.tls,
    credentials: credentials.plain(target.user, target.password),
  });
  surviveUnreadableHeaders(connection);
  return connection;
}
