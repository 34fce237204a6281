/** What the unit is written for. */
export interface UnitOptions {
  /** Command line that starts the service, absolute. */
  readonly command: readonly string[];
  /** User that runs it. */
  readonly user: string;
  readonly dataRoot: string;
  /** Other folders that the service writes to. */
  readonly scratch: readonly string[];
  /** Settings of the service that differ from their defaults. */
  readonly environment: Readonly<Record<string, string>>;
}

/**
 * A systemd unit of the laptop service for one GPU machine without AWS. It restarts after a crash, gets a minute to
 * finish on stop, and may write below its data root and scratch only. It works in the data root: the user can enter that one for certain.
 */
export function systemdUnit({ command, user, dataRoot, scratch, environment }: UnitOptions): string {
  const variables = Object.entries({ ...environment, HPB_DATA_ROOT: dataRoot }).map(
    ([name, value]) => `Environment=${quoted(`${name}=${value}`)}`,
  );
  return [
    '[Unit]',
    'Description=HPB segmentation of CT',
    'After=network.target',
    '',
    '[Service]',
    'Type=exec',
    `User=${user}`,
    `WorkingDirectory=${dataRoot.replaceAll('%', '%%')}`,
    `ExecStart=${command.map((word) => quoted(word).replaceAll('$', '$$$$')).join(' ')}`,
    ...variables,
    'Restart=on-failure',
    'RestartSec=5',
    'TimeoutStopSec=60',
    'KillMode=mixed',
    'NoNewPrivileges=true',
    'PrivateTmp=true',
    'ProtectSystem=strict',
    `ReadWritePaths=${[dataRoot, ...scratch].map(quoted).join(' ')}`,
    '',
    '[Install]',
    'WantedBy=multi-user.target',
    '',
  ].join('\n');
}

/** One word as systemd reads it: `%` means something everywhere, `$` in command lines only. */
function quoted(word: string): string {
  const escaped = word.replaceAll('\\', '\\\\').replaceAll('"', String.raw`\"`);
  return `"${escaped.replaceAll('%', '%%')}"`;
}
