import type { EnvironmentStep } from './ensure-engine-environment.ts';

/** Prints set-up steps: one line that changes on a terminal, one line per new message in a pipe. */
export function stepPrinter(stream: NodeJS.WriteStream): (step: EnvironmentStep) => void {
  let last = '';
  return ({ step, message, done, total }) => {
    const count = total > 1 ? ` (${done} of ${total})` : '';
    if (stream.isTTY) {
      const changed = step !== last.split(' ')[0] && last !== '';
      stream.write(
        `${changed ? '\n' : ''}\r\u001b[2K${`${message}${count}`.slice(0, (stream.columns || 80) - 1)}`,
      );
      last = `${step} `;
      if (step === 'compile') stream.write('\n');
    } else if (`${step} ${message}` !== last) {
      last = `${step} ${message}`;
      stream.write(`${message}${count}\n`);
    }
  };
}
