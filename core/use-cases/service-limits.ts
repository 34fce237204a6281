import type { Settings } from '../settings.ts';
import { DEFAULT_LIMITS, type ServiceLimits } from './service-ports.ts';

/** The bounds that the settings give; `slots`: workers that can run at once, `slowness`: see `ServiceLimits`. */
export function serviceLimits(
  settings: Settings,
  machine: Pick<ServiceLimits, 'slots' | 'slowness'> & Partial<Pick<ServiceLimits, 'memoryBytes'>>,
): ServiceLimits {
  return {
    ...DEFAULT_LIMITS,
    ...machine,
    bulkSlots: settings.HPB_MAX_BULK_CONCURRENCY ?? machine.slots,
    maxCases: settings.HPB_MAX_BATCH,
    maxActiveJobs: settings.HPB_MAX_ACTIVE_JOBS,
    maxJobCostUsd: settings.HPB_MAX_JOB_COST_USD ?? null,
    maxUploadBytes: settings.HPB_MAX_UPLOAD_BYTES,
    maxUnpackedBytes: settings.HPB_MAX_UNPACKED_BYTES,
    uploadSeconds: settings.HPB_LINK_MINUTES * 60,
    functionArchiveBytes: settings.HPB_FUNCTION_ARCHIVE_BYTES,
    functionResultBytes: settings.HPB_FUNCTION_RESULT_BYTES,
    maxZipBytes: settings.HPB_MAX_ZIP_BYTES,
    shardCases: settings.HPB_SHARD_CASES,
    // A shard is bounded by its work: a slow machine would get one case in each, which nothing overlaps with.
    shardSeconds: DEFAULT_LIMITS.shardSeconds * machine.slowness,
    queueSeconds: settings.HPB_QUEUE_ALLOWANCE_SECONDS,
    modelTimeoutSeconds: settings.HPB_MODEL_TIMEOUT_SECONDS,
  };
}
