import jpeg from 'jpeg-js';
import { PNG } from 'pngjs';

const QUALITY = 88;

/** A PNG as a JPEG, for the viewer's `thumbnail.jpg`; the same picture gives the same bytes. */
export function jpegOfPng(png: Uint8Array): Uint8Array {
  const { width, height, data } = PNG.sync.read(Buffer.from(png));
  return jpeg.encode({ width, height, data }, QUALITY).data;
}
