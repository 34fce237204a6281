import { HpbError } from '../errors.ts';
import { LAYOUT_VERSION, uploadDocumentKey, uploadInputKey, uploadPrefix } from '../layout.ts';
import type { UploadId } from '../layout.ts';
import type { ObjectFacts } from '../ports.ts';
import type { ServicePorts } from './service-ports.ts';
import { documentText } from './stored-document.ts';
import type { UploadDocument } from './upload-document.ts';
import { refuseTooLarge } from './uploads.ts';

type ReceivePorts = Pick<ServicePorts, 'store' | 'ids' | 'clock' | 'log' | 'limits' | 'admission'>;

/** An upload whose bytes come as a stream, through this process. */
export interface IncomingUpload {
  readonly uploadId: UploadId;
  /** Stores the bytes as they come. */
  readonly store: (chunks: AsyncIterable<Uint8Array>) => Promise<ObjectFacts>;
  /** Makes it a complete upload; throws REQUEST_INVALID for an empty file, REQUEST_TOO_LARGE. */
  readonly complete: (file: { readonly fileName: string; readonly facts: ObjectFacts }) => Promise<void>;
  /** Removes whatever has arrived. */
  readonly discard: () => Promise<void>;
}

/**
 * Begins an upload that is not announced by `openUpload`: the size is known only when it has arrived.
 * `bytes`: what is known of the size beforehand, for `admission`.
 */
export async function receiveUpload(ports: ReceivePorts, bytes: number): Promise<IncomingUpload> {
  const { store, ids, clock, log } = ports;
  await ports.admission({ bytes });
  const uploadId = ids.uploadId();
  return {
    uploadId,
    store: (chunks) => store.putStream(uploadInputKey(uploadId), chunks, { ifAbsent: true }),
    discard: async () => void (await store.removeAll(uploadPrefix(uploadId))),
    complete: async ({ fileName, facts }) => {
      if (facts.bytes === 0)
        throw new HpbError('REQUEST_INVALID', 'The file is empty (0 bytes).', {
          remedy: 'Send the CT itself.',
        });
      refuseTooLarge(ports, facts.bytes);
      const document: UploadDocument = {
        layoutVersion: LAYOUT_VERSION,
        uploadId,
        fileName,
        sizeBytes: facts.bytes,
        sha256: null,
        createdAt: clock.now(),
        multipart: null,
      };
      await store.put(uploadDocumentKey(uploadId), documentText(document), { ifAbsent: true });
      log.info('upload:complete', { uploadId, bytes: facts.bytes });
    },
  };
}
