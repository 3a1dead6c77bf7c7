import type { AsyncApiDocument } from '../../shared/events/asyncapi';
import { codeBlock, escapeHtml, htmlPage, withCode } from './html';

/** As much of JSON Schema as events are described with. */
interface Schema {
  type?: string | string[];
  const?: unknown;
  format?: string;
  pattern?: string;
  minimum?: number;
  maximum?: number;
  description?: string;
  required?: string[];
  properties?: Record<string, Schema>;
  items?: Schema;
  'x-extensible-enum'?: string[];
}

/** The AsyncAPI document as a page to read. */
export function eventsPage(document: AsyncApiDocument): string {
  const { info, channels, components } = document;
  const types = Object.keys(channels);
  const schemas = components.schemas as unknown as Record<string, Schema>;
  const contents = types
    .map(
      (type) =>
        `<tr><td><a href="#${type}"><code>${type}</code></a></td><td>${services(document, 'send', type)}</td><td>${services(document, 'receive', type)}</td></tr>`,
    )
    .join('\n');
  const sections = types.map((type) => sectionOf(document, type, schemas[type] ?? {}));
  return htmlPage(
    info.title,
    `<h1>${escapeHtml(info.title)}</h1>
<p>${withCode(info.description)}</p>
<p>Exchange <code>${exchangeOf(document)}</code> (topic) · <a href="/asyncapi.json">AsyncAPI</a> · <a href="/docs">REST</a></p>
<table><tr><th>Event</th><th>Published by</th><th>Consumed by</th></tr>
${contents}
</table>
<h2 id="envelope">Envelope</h2>
<p>${withCode(schemas.CloudEvent?.description ?? '')}</p>
${membersOf(schemas.CloudEvent ?? {})}
${sections.join('\n')}`,
  );
}

const exchangeOf = ({ channels }: AsyncApiDocument): string =>
  escapeHtml(Object.values(channels)[0]?.bindings.amqp.exchange.name ?? '');

function sectionOf({ channels, components }: AsyncApiDocument, type: string, data: Schema): string {
  return `<h2 id="${type}">${type}</h2>
<p>${withCode(channels[type]?.description ?? '')}</p>
${membersOf(data)}
<p>As it is published:</p>
${codeBlock(components.messages[type]?.examples[0]?.payload)}`;
}

const services = ({ operations }: AsyncApiDocument, action: string, type: string): string =>
  Object.values(operations)
    .filter((one) => one.action === action && one.channel.$ref === `#/channels/${type}`)
    .map(({ tags }) => escapeHtml(tags[0]?.name ?? ''))
    .join(', ');

const membersOf = (schema: Schema): string => `<table><tr><th>Member</th><th>Type</th><th></th></tr>
${rowsOf(schema, '').join('\n')}
</table>`;

function rowsOf(schema: Schema, within: string): string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, member]) => {
    const isOptional = !schema.required?.includes(name);
    const row = `<tr><td><code>${escapeHtml(within + name)}</code>${isOptional ? ' (optional)' : ''}</td><td>${typeOf(member)}</td><td>${notesOn(member)}</td></tr>`;
    return [row, ...rowsOf(member.items ?? {}, `${within}${name}[].`)];
  });
}

const typeOf = ({ type, const: only, format }: Schema): string =>
  only === undefined
    ? escapeHtml([[type ?? 'any'].flat().join(' or '), format].filter(Boolean).join(', '))
    : codeOf(only);

const codeOf = (value: unknown) => `<code>${escapeHtml(JSON.stringify(value))}</code>`;

function notesOn({ description, minimum, 'x-extensible-enum': values }: Schema): string {
  const notes = [
    ...(values ? [`${values.map(codeOf).join(', ')}.`] : []),
    ...(description ? [withCode(description)] : []),
    ...(minimum === undefined ? [] : [`At least ${minimum}`]),
  ];
  return notes.join(' ');
}
