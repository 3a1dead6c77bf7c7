import type { HandlerTable } from '../../shared/messaging/handler';
import { awardPoints } from './award-points';
import { takeBackPoints } from './take-back-points';

// Nothing is earned before the money is there, so an authorisation that is voided takes nothing back.
export const handlers = {
  'payment.completed.v1': awardPoints,
  'payment.refunded.v1': takeBackPoints,
} satisfies HandlerTable;
