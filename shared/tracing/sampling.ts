import { SAMPLED, type TraceContext } from './trace-context';

/** Whether a trace is recorded, which began elsewhere, with this parent, or begins here. */
export type Sampler = (traceId: string, parent: TraceContext | undefined) => boolean;

/** The values of `OTEL_TRACES_SAMPLER`: https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/#general-sdk-configuration */
export const SAMPLERS = [
  'always_on',
  'always_off',
  'traceidratio',
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
] as const;

/**
 * @param ratio of the traces that `traceidratio` takes. By their ids, so that all services take the same
 */
export function chooseSampler(name: (typeof SAMPLERS)[number], ratio: number): Sampler {
  const own = name.replace('parentbased_', '');
  const decide: Sampler =
    own === 'always_on'
      ? () => true
      : own === 'always_off'
        ? () => false
        : (traceId) => idAsShare(traceId) < ratio;
  if (own === name) return decide;
  return (traceId, parent) => (parent ? (parent.flags & SAMPLED) > 0 : decide(traceId, undefined));
}

/** From 0 to 1. The last digits: the first of an id may be a time, or zeros. */
const idAsShare = (traceId: string) => parseInt(traceId.slice(-13), 16) / 2 ** 52;
