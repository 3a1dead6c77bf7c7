import { runConsumer } from '../shared/messaging/run-consumer';
import { readConfig, readTogether } from '../shared/service/config';
import { chooseGateway, gatewayConfig } from './gateway/choose-gateway';
import { handlers } from './handlers';
import { workConfig, workPayments } from './work-payments';

runConsumer('payment-service', handlers, () => {
  const [gateway, work] = readTogether(
    () => readConfig(gatewayConfig),
    () => readConfig(workConfig),
  );
  return (context) => workPayments(chooseGateway(gateway, context.log), work)(context);
});
