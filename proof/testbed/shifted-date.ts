/** A Date like the given one, whose present is `offsetMs` away from it. What is made from a given time stays the same. */
export function shiftedDate(real: DateConstructor, offsetMs: number): DateConstructor {
  const now = () => real.now() + offsetMs;
  return new Proxy(real, {
    apply: () => new real(now()).toString(),
    construct: (target, given: unknown[]) =>
      Reflect.construct(target, given.length > 0 ? given : [now()]) as object,
    get: (target, key) => (key === 'now' ? now : (Reflect.get(target, key) as unknown)),
  });
}
