import { z } from 'zod';
import { NOT_A_MEDICAL_DEVICE } from './notices.ts';
import { byName, fileProblems, receiptFile, type ReceiptFile, type ReceiptProblem } from './receipt.ts';
import { stableJson } from './stable-json.ts';

/** receipt.json at the root of a batch: what the receipts of its cases do not cover, and those receipts themselves. */
export const batchReceiptSchema = z.object({
  schemaVersion: z.literal(1),
  notice: z.string(),
  batchId: z.string(),
  /** The files at the root but this one, and the receipt of each case by its path. */
  files: z.array(receiptFile),
});
export type BatchReceipt = z.infer<typeof batchReceiptSchema>;

/** Text of the receipt of a batch; independent of the order of `files`. */
export function batchReceiptText(batchId: string, files: readonly ReceiptFile[]): string {
  const receipt: BatchReceipt = {
    schemaVersion: 1,
    notice: NOT_A_MEDICAL_DEVICE,
    batchId,
    files: byName(files),
  };
  return stableJson(receipt);
}

/**
 * Compares what a batch holds with its receipt; nothing when all is as it says.
 *
 * @param found The files of the batch that belong to no case, without this receipt, and the receipt of each case.
 */
export const batchProblems = (
  receipt: BatchReceipt,
  found: readonly ReceiptFile[],
): readonly ReceiptProblem[] => fileProblems(receipt.files, found);
