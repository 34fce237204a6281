import { describe, expect, it } from 'vitest';
import { caseUsd, idleMonth, machineUsd, type BatchRun, type CaseAssumptions } from '../../core/costs.ts';
import { MACHINE_HOUR_USD } from '../../core/prices.ts';

const NOTHING: CaseAssumptions = {
  caseSeconds: 0,
  coldStartSeconds: 0,
  warmTailSeconds: 0,
  storedGb: 0,
  retentionDays: 30,
  egressGb: 0,
  logGb: 0,
};
const BATCH: BatchRun = { cases: 10, shardCases: 8, slots: 2, machine: 'g4dn.xlarge', purchase: 'onDemand' };
/** Transitions, functions and puts of a case: far below a cent. */
const CHANGE = 0.002;

describe('machineUsd', () => {
  it('is the price of the hour for an hour, and of a minute for less', () => {
    expect(machineUsd('g4dn.2xlarge', 'onDemand', 3_600)).toBeCloseTo(0.752, 10);
    expect(machineUsd('g4dn.xlarge', 'spot', 1)).toBeCloseTo(0.2 / 60, 10);
  });
});

describe('idleMonth', () => {
  const rest = {
    endpointInterfaces: 0,
    alarms: 20,
    dashboards: 0,
    firewall: false,
    imageGb: 10,
    storedGb: 8,
  };
  const total = (deployment: typeof rest): number =>
    Object.values(idleMonth(deployment)).reduce((sum, amount) => sum + amount, 0);

  it('is below five dollars without endpoints', () => {
    expect(total(rest)).toBeLessThan(5);
  });

  it('counts every interface of an endpoint for every hour of a month', () => {
    expect(total({ ...rest, endpointInterfaces: 14 }) - total(rest)).toBeCloseTo(14 * 0.01 * 730, 6);
  });

  it('has a firewall only where there is one', () => {
    expect(idleMonth(rest)['firewall']).toBe(0);
    expect(idleMonth({ ...rest, firewall: true })['firewall']).toBeGreaterThan(0);
  });
});

describe('caseUsd', () => {
  const hour = MACHINE_HOUR_USD['g4dn.xlarge'].onDemand;

  it('shares starts and waiting of the machines among the cases, and adds the work of each', () => {
    const assumed = { ...NOTHING, caseSeconds: 120, coldStartSeconds: 300, warmTailSeconds: 1_200 };

    const usd = caseUsd(BATCH, assumed);

    const seconds = (2 * 1_500) / 10 + 120;
    expect(Math.abs(usd - (hour / 3_600) * seconds)).toBeLessThan(CHANGE);
  });

  it('is most for a lone case and falls with the batch', () => {
    const assumed = { ...NOTHING, caseSeconds: 120, coldStartSeconds: 360, warmTailSeconds: 1_200 };
    const of = (cases: number): number => caseUsd({ ...BATCH, cases, slots: 6 }, assumed);

    expect(of(1)).toBeGreaterThan(of(10));
    expect(of(10)).toBeGreaterThan(of(100));
  });

  it('starts no more machines than there are cases', () => {
    const assumed = { ...NOTHING, coldStartSeconds: 3_600 };

    expect(caseUsd({ ...BATCH, cases: 1, slots: 50 }, assumed)).toBeLessThan(hour + CHANGE);
  });

  it('has a price for what is kept, by how long, and for what leaves AWS', () => {
    const kept = (days: number): number => caseUsd(BATCH, { ...NOTHING, storedGb: 1, retentionDays: days });

    expect(kept(60) - kept(30)).toBeCloseTo(0.023, 6);
    expect(caseUsd(BATCH, { ...NOTHING, egressGb: 1 }) - caseUsd(BATCH, NOTHING)).toBeCloseTo(0.09, 6);
  });
});
