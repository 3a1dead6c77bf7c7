import { runConsumer } from '../shared/messaging/run-consumer';
import { readConfig } from '../shared/service/config';
import { chooseGateway } from './gateway/choose-gateway';
import { handlers } from './handlers';
import { workConfig, workPayments } from './work-payments';

runConsumer('payment-service', handlers, (context) =>
  workPayments(chooseGateway(context.log), readConfig(workConfig))(context),
);
