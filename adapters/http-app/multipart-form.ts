import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Busboy, type BusboyFileStream, type BusboyHeaders, type BusboyInstance } from '@fastify/busboy';
import { asHpbError, HpbError } from '../../core/errors.ts';
import type { ObjectFacts } from '../../core/ports.ts';

/** Which file of a form is wanted, and where it goes. */
export interface FormFile {
  /** Name of the field that holds it. */
  readonly field: string;
  /** Stores the bytes as they come; what it throws comes out of `receiveForm`. */
  readonly store: (chunks: AsyncIterable<Uint8Array>) => Promise<ObjectFacts>;
}

/** A form that has arrived. */
export interface ReceivedForm {
  /** Last part of the file's name as the caller gave it; it can hold patient data. */
  readonly fileName: string;
  readonly facts: ObjectFacts;
  readonly fields: Readonly<Record<string, string>>;
}

const MAX_FIELDS = 16;
const LIMITS = { fields: MAX_FIELDS, fieldSize: 1024, files: 1, parts: MAX_FIELDS + 1, headerPairs: 32 };

/**
 * Reads a multipart form as a stream: the file goes straight to where `wanted.store` puts it, whatever its size.
 *
 * @throws HpbError REQUEST_INVALID for a form without that file, with another one, or cut off; what the body or the
 * store throws comes out as it is. A file that had arrived whole by then is still stored: the caller removes it.
 */
export async function receiveForm(
  contentType: string,
  body: AsyncIterable<Uint8Array>,
  wanted: FormFile,
): Promise<ReceivedForm> {
  const form = new FormReader(contentType, wanted);
  try {
    await pipeline(Readable.from(body, { objectMode: false }), form.parser, { signal: form.signal });
    return await form.finished();
  } catch (thrown) {
    throw await form.abandon(thrown);
  }
}

/** Collects what the parser finds. */
class FormReader {
  readonly parser: BusboyInstance;
  readonly #stop = new AbortController();
  readonly #fields: Record<string, string> = {};
  #fileName = '';
  #stream: BusboyFileStream | null = null;
  #stored: Promise<ObjectFacts> | null = null;

  constructor(contentType: string, wanted: FormFile) {
    this.parser = parserOf(contentType);
    this.parser.on('file', (field, stream, fileName) => this.#take(wanted, { field, stream, fileName }));
    this.parser.on('field', (name, value, nameCut, valueCut) => {
      if (nameCut || valueCut) this.#refuse(`The field "${name.slice(0, 64)}" of the form is too long.`);
      else if (Object.hasOwn(this.#fields, name))
        this.#refuse(`The form has the field "${name.slice(0, 64)}" twice.`);
      else this.#fields[name] = value;
    });
    this.parser.on('filesLimit', () => this.#refuse('The form has more than one file; a call takes one.'));
    for (const limit of ['fieldsLimit', 'partsLimit'] as const)
      this.parser.on(limit, () => this.#refuse(`The form has more than ${MAX_FIELDS} fields.`));
  }

  /** Aborts when the rest of the body is not worth reading. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  async finished(): Promise<ReceivedForm> {
    this.signal.throwIfAborted();
    if (this.#stored === null) throw invalid('The form holds no file.');
    return { fileName: this.#fileName, facts: await this.#stored, fields: this.#fields };
  }

  /** Waits until nothing is kept of the file; returns the reason in our words. */
  async abandon(thrown: unknown): Promise<HpbError> {
    const error = this.signal.aborted ? asHpbError(this.signal.reason) : ofBody(thrown);
    // The store still waits for bytes: it has to fail too, or half a file would be kept.
    this.#stream?.destroy(error);
    await this.#stored?.catch(() => undefined);
    return error;
  }

  #take(
    wanted: FormFile,
    part: { readonly field: string; readonly stream: BusboyFileStream; readonly fileName: string },
  ): void {
    // The store fails with the stream: then the form is at fault, whatever the store makes of it.
    part.stream.on('error', (error) => this.#stop.abort(ofBody(error)));
    if (part.field !== wanted.field) {
      part.stream.resume();
      this.#refuse(`The form has a file in "${part.field.slice(0, 64)}"; expected is "${wanted.field}".`);
      return;
    }
    this.#fileName = part.fileName;
    this.#stream = part.stream;
    this.#stored = wanted.store(part.stream);
    this.#stored.catch((error: unknown) => this.#stop.abort(error));
  }

  #refuse(sentence: string): void {
    this.#stop.abort(invalid(sentence));
  }
}

function parserOf(contentType: string): BusboyInstance {
  try {
    const headers: BusboyHeaders = { 'content-type': contentType };
    return new Busboy({ headers, limits: LIMITS });
  } catch {
    throw invalid('The content type names no boundary of the form.');
  }
}

function ofBody(thrown: unknown): HpbError {
  return thrown instanceof HpbError ? thrown : invalid('The form ended before it was complete.');
}

function invalid(sentence: string): HpbError {
  return new HpbError('REQUEST_INVALID', sentence, {
    remedy: 'Send multipart/form-data with one file and the options as fields, as curl -F does.',
  });
}
