import type { Metadata } from '../metadata-schema.ts';
import { colourOf, hexColour, roleOf } from '../pictures/layers.ts';
import type { PictureName } from '../pictures/pictures.ts';
import { asHtml, html, type Html } from './html.ts';
import type { ReportPicture } from './report-page.ts';
import { titleOf } from './words.ts';

const PLACE = 'through the largest lesion, else through the middle of the liver';
const SIDES = "The patient's right is on the left.";

/** Title, caption and what somebody who cannot see the picture is told. */
const TEXTS: Readonly<Record<Exclude<PictureName, 'thumbnail'>, { title: string; text: string }>> = {
  axial: { title: 'Axial', text: `Plane ${PLACE}, seen from the feet. ${SIDES}` },
  coronal: { title: 'Coronal', text: `Plane ${PLACE}, seen from the front. ${SIDES}` },
  sagittal: { title: 'Sagittal', text: `Plane ${PLACE}. The front of the patient is on the left.` },
  vessels: {
    title: 'Vessels',
    text: `Maximum intensity projection of the vessel mask from the front; liver and tumours as silhouettes. ${SIDES}`,
  },
  surface: {
    title: 'Surfaces',
    text: `Meshes from the front, a little from the right and from above; the liver is see-through. ${SIDES}`,
  },
};

/** The pictures with a key of colours; null without any. */
export function pictureSection(pictures: readonly ReportPicture[], metadata: Metadata): Html | null {
  const shown = pictures.flatMap((picture) => (picture.name === 'thumbnail' ? [] : [picture]));
  if (shown.length === 0) return null;
  const demo = metadata.demo ? 'DEMO. ' : '';
  const figures = shown.map(({ name, width, height, base64 }) => {
    const { title, text } = TEXTS[name as keyof typeof TEXTS];
    const alt = `${demo}${title} picture of the case with coloured outlines of the structures. ${text}`;
    return html`<figure>
      <img src="data:image/png;base64,${asHtml(base64)}" width="${width}" height="${height}" alt="${alt}" />
      <figcaption><b>${title}.</b> ${text}</figcaption>
    </figure> `;
  });
  return html`<section aria-labelledby="pictures">
    <h2 id="pictures">Pictures</h2>
    ${key(metadata)}
    <p class="quiet">
      CT in the soft-tissue window (width 400, level 40 HU). Letters are sides of the patient: R right, L
      left, A front, P back, S head, I feet.
    </p>
    <div class="pictures">${figures}</div>
  </section>`;
}

/** Colours of what a liver reader looks for; other structures have quiet colours and no entry. */
function key({ structures }: Metadata): Html {
  const named = structures.filter(({ name, voxels }) => voxels > 0 && roleOf(name) !== 'other');
  const entries = named.map(
    ({ name, label }) =>
      html`<li><span style="background:${hexColour(colourOf(name, label))}"></span>${titleOf(name)}</li>`,
  );
  return html`<ul class="key" aria-label="Colours">
    ${entries}
  </ul>`;
}
