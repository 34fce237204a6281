import { canaryPhantom } from '../core/canary.ts';
import { canaryRound, type CanaryPlan } from '../core/use-cases/canary-round.ts';
import type { ServicePorts } from '../core/use-cases/service-ports.ts';
import { functionSettings } from './environment.ts';
import { startingPorts } from './wire.ts';
import { invokedFunction, type Invoked } from './workflow-function.ts';

/**
 * Once an hour: judges the synthetic CT that is under way through the deployment, or sends the next when it is due. That
 * it cannot be sent is a failure of the canary too. It may run twice.
 */
export const create = (ports: ServicePorts, plan: CanaryPlan): Invoked =>
  invokedFunction(ports.log, async () => {
    try {
      return await canaryRound(ports, plan);
    } catch (thrown) {
      await ports.metrics.put([{ name: 'CanaryFailed', value: 1 }]);
      throw thrown;
    }
  });

const ports = startingPorts();

/** What the schedule calls. */
export const handler = create(ports, {
  everyHours: functionSettings().HPB_CANARY_HOURS ?? 24,
  phantom: canaryPhantom,
});
