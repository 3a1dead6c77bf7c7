// What analytics-service counts and order-api reads agree on. See prisma/schema/analytics-service.prisma.

/** Stands for all restaurants together. */
export const EVERYWHERE = '00000000-0000-0000-0000-000000000000';

/** How finely counts are kept, in minutes. Every zone's hours and days begin with a quarter of an hour; a day is one in UTC. */
export const GRAINS = { minute: 1, quarter: 15, day: 1440 } as const;

/** The stages of an order's life that are timed. */
export const stages = ['placed_to_preparing', 'preparing_to_delivered', 'placed_to_delivered'] as const;
export type Stage = (typeof stages)[number];

/**
 * Lead times are kept in bins that grow by a twentieth: bin b holds what took more than 1.05^(b-1) ms and 1.05^b ms at
 * most; bin 0, a millisecond or less. Histograms of this kind can be added up (https://arxiv.org/abs/1908.10693), and
 * the middle of a bin is within 2.5% of all that is in it.
 */
export const BIN_GROWTH = 1.05;

/** The middle of a bin, in seconds. */
export const secondsOfBin = (bin: number): number => ((2 / (BIN_GROWTH + 1)) * BIN_GROWTH ** bin) / 1_000;
