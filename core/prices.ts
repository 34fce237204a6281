/**
 * Prices in USD, region us-east-1, as of November 2026, before tax and free tiers. The only place that holds
 * any: estimates in metadata, the dashboard and docs/reference/costs.md are made from it. List prices of AWS; spot
 * prices move, these are what public code and price histories show and are marked so.
 */

/** Where and when the prices below hold. */
export const PRICE_BASIS = {
  region: 'us-east-1',
  currency: 'USD',
  date: '2026-11',
  note: 'List prices; spot prices are typical ones, not guaranteed. Other regions differ (Seoul: g4dn about 23 % more).',
} as const;

/** vCPUs of the g4dn sizes. */
export const GPU_VCPUS = { xlarge: 4, '2xlarge': 8, '4xlarge': 16 } as const;

/** An hour of a machine, USD; by the second, a minute at least. */
export const MACHINE_HOUR_USD = {
  'g4dn.xlarge': { onDemand: 0.526, spot: 0.2 },
  'g4dn.2xlarge': { onDemand: 0.752, spot: 0.3 },
  'g4dn.4xlarge': { onDemand: 1.204, spot: 0.5 },
  'm6id.xlarge': { onDemand: 0.237, spot: 0.1 },
} as const;

/** Name of a machine that has a price. */
export type MachineType = keyof typeof MACHINE_HOUR_USD;

/** How a machine is paid for. */
export type Purchase = keyof (typeof MACHINE_HOUR_USD)[MachineType];

/** What else a case, a job or a month costs, USD. */
export const SERVICE_USD = {
  /** A customer managed key, a month. */
  key: 1,
  /** Images in ECR, a GB and month. */
  imageGb: 0.1,
  /** S3 standard, a GB and month. */
  storageGb: 0.023,
  /** An alarm, a month. */
  alarm: 0.1,
  /** A dashboard beyond the third, a month. */
  dashboard: 3,
  /** A network interface of an endpoint, an hour. */
  endpointHour: 0.01,
  /** A web ACL, a month. */
  firewall: 5,
  /** Its three groups of rules, a month. */
  firewallRules: 3,
  /** A state transition of Step Functions. */
  transition: 0.000025,
  /** Lambda on ARM, a GB second. */
  functionGbSecond: 0.0000133334,
  /** Logs taken in, a GB. */
  logGb: 0.5,
  /** Data out to the internet, a GB. */
  egressGb: 0.09,
  /** A thousand writes or listings of S3. */
  thousandPuts: 0.005,
} as const;
