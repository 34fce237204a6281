import { describe, expect, it } from 'vitest';
import { systemdUnit } from '../../../local/service/systemd-unit.ts';

const unit = (over: Partial<Parameters<typeof systemdUnit>[0]> = {}): readonly string[] =>
  systemdUnit({
    command: ['/usr/bin/node', '/srv/hpb/local/main.ts'],
    user: 'hpb',
    dataRoot: '/data/hpb',
    scratch: [],
    environment: { HPB_PORT: '9000' },
    ...over,
  }).split('\n');

describe('the systemd unit', () => {
  it('starts the service as its user, with its settings, and again after a crash', () => {
    expect(unit()).toEqual(
      expect.arrayContaining([
        'User=hpb',
        'ExecStart="/usr/bin/node" "/srv/hpb/local/main.ts"',
        'Environment="HPB_PORT=9000"',
        'Environment="HPB_DATA_ROOT=/data/hpb"',
        'Restart=on-failure',
        'ReadWritePaths="/data/hpb"',
      ]),
    );
  });

  it('works where its user can go, whoever wrote the unit, and writes where the settings say', () => {
    const lines = unit({ scratch: ['/fast/in', '/fast/out'] });

    expect(lines).toContain('WorkingDirectory=/data/hpb');
    expect(lines).toContain('ReadWritePaths="/data/hpb" "/fast/in" "/fast/out"');
  });

  it('takes paths with what means something to systemd as they are', () => {
    const webhook = { HPB_FINISHED_WEBHOOK: 'https://host/?key=$secret%20' };
    const lines = unit({
      command: ['/opt/a b/100%/$x "y"'],
      dataRoot: String.raw`/d\e`,
      environment: webhook,
    });

    expect(lines).toContain(String.raw`ExecStart="/opt/a b/100%%/$$x \"y\""`);
    expect(lines).toContain('Environment="HPB_FINISHED_WEBHOOK=https://host/?key=$secret%%20"');
    expect(lines).toContain(String.raw`ReadWritePaths="/d\\e"`);
  });
});
