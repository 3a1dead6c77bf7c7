import { isAmountIn, notAnAmountIn } from '../../shared/currency';
import { unprocessable } from '../http/problem';

/** @throws {Problem} 422 where the restaurant's currency has no unit as small as the price */
export function checkPrice(price: string | undefined, currency: string): void {
  if (price !== undefined && !isAmountIn(currency, price))
    throw unprocessable([{ pointer: '#/price', detail: notAnAmountIn(currency) }]);
}
