import type { Options } from 'cli-progress';

/** How every progress bar of this program looks and behaves; the format is that of whoever shows it. */
export const PROGRESS_BAR: Options = {
  barsize: 24,
  barCompleteChar: '█',
  barIncompleteChar: '░',
  hideCursor: true,
  clearOnComplete: true,
  fps: 5,
  // Ctrl-C is the command's to handle: it cancels what runs before it leaves.
  gracefulExit: false,
};
