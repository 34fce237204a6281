import type { ReceiptSignature } from './results/receipt.ts';

/** Signs receipts, where a key was given. */
export interface Signer {
  /** Throws `SIGNING_FAILED`. */
  sign(message: Uint8Array): Promise<ReceiptSignature>;
}
