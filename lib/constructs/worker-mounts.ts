/** Of the user in the image that the worker runs as; container/Dockerfile makes it. */
export const WORKER_USER = 10_001;

/** Folders of the machine that containers see, all below its NVMe disk. */
export const WORKER_MOUNTS = {
  /** Weights, fetched once for each machine. */
  models: { hostPath: '/mnt/nvme/models', containerPath: '/models' },
  /** Inputs, outputs and temporary files of the running cases. */
  scratch: { hostPath: '/mnt/nvme/scratch', containerPath: '/scratch' },
} as const;

export const HOST_FOLDERS: readonly string[] = Object.values(WORKER_MOUNTS).map(({ hostPath }) => hostPath);
