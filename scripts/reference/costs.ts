import { caseUsd, COLD_START_SECONDS, idleMonth, type CaseAssumptions } from '../../core/costs.ts';
import { alarmsOf } from '../../core/monitoring/alarms.ts';
import { MACHINE_HOUR_USD, PRICE_BASIS, type MachineType, type Purchase } from '../../core/prices.ts';
import { DEFAULT_LIMITS } from '../../core/use-cases/service-ports.ts';
import { readConfig } from '../../lib/config/read-config.ts';
import { ENDPOINTS } from '../../lib/constructs/network.ts';
import { code, page, table } from './markdown.ts';

const ZONES = 2;
const NETWORKS = ['public', 'isolated', 'existing'] as const;
/** Of a deployment that is at rest: one image, the weights, alarms and a dashboard within the free three. */
const AT_REST = {
  imageGb: 10,
  storedGb: 8,
  alarms: alarmsOf({ hasCanary: false }).length,
  dashboards: 0,
  firewall: false,
} as const;
const BATCHES = [
  { name: 'a lone case, from nothing', cases: 1 },
  { name: 'a case of a batch of 10', cases: 10 },
  { name: 'a case of a batch of 100', cases: 100 },
] as const;
const MACHINES = ['g4dn.xlarge', 'g4dn.2xlarge', 'g4dn.4xlarge'] as const satisfies readonly MachineType[];
const PURCHASES = { onDemand: 'on demand', spot: 'spot' } as const satisfies Record<Purchase, string>;

/** docs/reference/costs.md: what a deployment costs at rest and what a case costs, from `core/prices.ts`. */
export function costsPage(): string {
  const config = readConfig({ stage: 'default' });
  const assumed: CaseAssumptions = {
    caseSeconds: 120,
    coldStartSeconds: COLD_START_SECONDS,
    warmTailSeconds: config.scaleDownDelayMinutes * 60,
    storedGb: 0.6,
    retentionDays: config.retentionDays,
    egressGb: 0.02,
    logGb: 0.001,
  };
  const { region, date, note } = PRICE_BASIS;
  return page(
    'Costs',
    `USD, ${region}, ${date}. ${note} No figure was measured on AWS: they are prices times the assumptions below.`,
    '## At rest, a month',
    `With ${AT_REST.imageGb} GB of images, ${AT_REST.storedGb} GB of weights and ${AT_REST.alarms} alarms. Queues, workflow, functions and API cost nothing at rest.`,
    idleTable(),
    `\`waf=true\` adds ${usd(idleMonth({ ...AT_REST, endpointInterfaces: 0, firewall: true })['firewall']!)}; \`existing\` leaves out what that network costs.`,
    '## A case',
    `Assumed: ${assumed.caseSeconds} s of work, ${assumed.coldStartSeconds} s until a machine is ready, ${assumed.warmTailSeconds} s that it stays afterwards (${code('scaleDownDelayMinutes')}), ${assumed.storedGb} GB kept for ${assumed.retentionDays} days. A batch runs on up to ${config.bulkGpuInstances} machines at once (${code('bulkGpuInstances')}); fewer machines cost less and take longer.`,
    caseTable(assumed, config.bulkGpuInstances),
    canaryText(assumed),
    '## Machines, an hour',
    table(
      ['machine', ...Object.values(PURCHASES)],
      Object.entries(MACHINE_HOUR_USD).map(([type, hour]) => [
        code(type),
        usd(hour.onDemand),
        usd(hour.spot),
      ]),
    ),
  );
}

function canaryText(assumed: CaseAssumptions): string {
  const run = { cases: 1, shardCases: 1, slots: 1, machine: 'g4dn.xlarge', purchase: 'onDemand' } as const;
  return `A canary a day (${code('canaryHours=24')}) costs what 30 lone cases cost: about ${usd(30 * caseUsd(run, assumed))} a month.`;
}

function idleTable(): string {
  const rows = NETWORKS.map((network) => {
    const endpointInterfaces = network === 'isolated' ? Object.keys(ENDPOINTS).length * ZONES : 0;
    return { network, parts: idleMonth({ ...AT_REST, endpointInterfaces }) };
  });
  const parts = Object.keys(rows[0]!.parts).filter((part) => rows.some((row) => row.parts[part]! > 0));
  return table(
    ['network', ...parts, 'together'],
    rows.map(({ network, parts: amounts }) => [
      code(network),
      ...parts.map((part) => usd(amounts[part]!)),
      usd(Object.values(amounts).reduce((sum, amount) => sum + amount, 0)),
    ]),
  );
}

function caseTable(assumed: CaseAssumptions, slots: number): string {
  const columns = MACHINES.flatMap((machine) =>
    Object.entries(PURCHASES).map(([purchase, words]) => ({
      head: `${machine} ${words}`,
      machine,
      purchase: purchase as Purchase,
    })),
  );
  return table(
    ['', ...columns.map(({ head }) => head)],
    BATCHES.map(({ name, cases }) => [
      name,
      ...columns.map(({ machine, purchase }) =>
        usd(caseUsd({ cases, shardCases: DEFAULT_LIMITS.shardCases, slots, machine, purchase }, assumed)),
      ),
    ]),
  );
}

const usd = (amount: number): string => `$${amount.toFixed(amount < 1 ? 3 : 2)}`;
