import { HpbError } from '../../core/errors.ts';
import type { CaseDetailAnswer } from '../../core/requests.ts';
import { modelEntry } from '../../core/models/catalogue.ts';
import type { Metadata } from '../../core/results/metadata-schema.ts';
import { colourOf, roleOf } from '../../core/results/pictures/layers.ts';
import { fileContent } from '../api.ts';
import { structureKey } from '../structure-list.ts';
import { plainName } from '../words.ts';
import { Viewer, type ShownFile, type ShownMask, type ShownMesh } from './viewer.ts';
import { viewerPanel } from './viewer-panel.ts';

/** A case to be looked at. */
export interface WantedCase {
  readonly detail: CaseDetailAnswer;
  readonly metadata: Metadata;
  /** Aborted when it is left: nothing more is fetched, and no canvas is opened for it. */
  readonly signal: AbortSignal;
}

/**
 * Opens CT, masks and meshes of a case in `stage`, small versions where there are any.
 *
 * @throws HpbError of the service; NiiVue's errors where the browser has no WebGL 2; the reason of the signal.
 */
export async function openCase(stage: HTMLElement, wanted: WantedCase): Promise<Viewer> {
  const { metadata } = wanted;
  const ct = await shownFile(wanted, 'preview/ct.nii.gz');
  if (ct === null)
    throw new HpbError('RESULT_NOT_FOUND', 'This case has no preview of its CT.', {
      remedy: 'It was made without HPB_PREVIEWS: send the CT again, or open the files in a viewer of yours.',
    });
  const masks: ShownMask[] = [];
  for (const { id } of metadata.provenance.models) {
    const { output } = modelEntry(id);
    const file = (await shownFile(wanted, `preview/${output}`)) ?? (await shownFile(wanted, output));
    if (file === null) continue;
    const labels = metadata.structures
      .filter(({ model }) => model === id)
      .map(({ name, label }) => ({
        key: structureKey({ model: id, label }),
        label,
        name: plainName(name),
        colour: colourOf(name, label),
        role: roleOf(name),
      }));
    const faint = labels.every(({ role }) => role === 'liver' || role === 'other');
    masks.push({ ...file, labels, faint });
  }
  // Vessels and tumours lie over the liver that they are in.
  masks.sort((a, b) => Number(b.faint) - Number(a.faint));
  const meshes = await meshesOf(wanted);
  const canvas = document.createElement('canvas');
  canvas.setAttribute('role', 'img');
  const frame = document.createElement('div');
  frame.className = 'canvas';
  frame.append(canvas);
  stage.append(frame);
  const viewer = await Viewer.open(canvas, { ct, masks, meshes });
  viewerPanel(stage, viewer);
  viewer.lookAt(firstPlace(metadata));
  return viewer;
}

/** The largest lesion, else the first structure that there is, else the middle of the CT. */
function firstPlace({ hpb, structures, grid }: Metadata): readonly [number, number, number] {
  const tumours = structures.filter(({ name }) => roleOf(name) === 'tumour');
  const [first] = [...(hpb.lesions ?? []), ...tumours, ...structures].flatMap(({ centroidMm }) =>
    centroidMm === null ? [] : [centroidMm],
  );
  if (first !== undefined) return first;
  const along = (row: number): number =>
    [0, 1, 2].reduce(
      (sum, axis) => sum + (grid.affine[4 * row + axis]! * grid.dims[axis]!) / 2,
      grid.affine[4 * row + 3]!,
    );
  return [along(0), along(1), along(2)];
}

async function meshesOf(wanted: WantedCase): Promise<readonly ShownMesh[]> {
  const meshes: ShownMesh[] = [];
  for (const structure of wanted.metadata.structures) {
    const { name, label, model } = structure;
    // Of two models with a structure of one name, the second has its own before it.
    const file =
      (await shownFile(wanted, `preview/${model}_${name}.mz3`)) ??
      (await shownFile(wanted, `preview/${name}.mz3`));
    if (file === null) continue;
    const faint = roleOf(name) === 'liver';
    meshes.push({ ...file, key: structureKey(structure), colour: colourOf(name, label), faint });
  }
  // What is seen through is drawn over what is behind it.
  return meshes.toSorted((a, b) => Number(a.faint) - Number(b.faint));
}

async function shownFile({ detail, signal }: WantedCase, name: string): Promise<ShownFile | null> {
  const { files, previews } = detail;
  const found = [...previews, ...files].find((file) => file.name === name);
  if (found === undefined) return null;
  const content = await (await fileContent(found.href)).arrayBuffer();
  signal.throwIfAborted();
  return { name: name.slice(name.lastIndexOf('/') + 1), content };
}
