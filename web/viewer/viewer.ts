import {
  DRAG_MODE,
  MULTIPLANAR_TYPE,
  Niivue,
  NVImage,
  SHOW_RENDER,
  SLICE_TYPE,
  type NiiVueLocation,
} from '@niivue/niivue';
import type { Rgb } from '../../core/results/pictures/raster.ts';

/** A file; the ending of its name says what it is. */
export interface ShownFile {
  readonly name: string;
  readonly content: ArrayBuffer;
}

/** A structure of a mask. */
export interface ShownLabel {
  /** Of `structureKey`. */
  readonly key: string;
  readonly label: number;
  readonly name: string;
  readonly colour: Rgb;
}

/** The mask of one model. */
export interface ShownMask extends ShownFile {
  readonly labels: readonly ShownLabel[];
  /** Whether other structures are to be seen through it; such masks come first. */
  readonly faint: boolean;
}

/** The surface of one structure, MZ3 in RAS+ mm. */
export interface ShownMesh extends ShownFile {
  readonly key: string;
  readonly colour: Rgb;
  /** Whether other structures are to be seen through it; such meshes come last. */
  readonly faint: boolean;
}

/** What is laid out in the canvas. */
export type Layout = 'planes' | 'axial' | 'coronal' | 'sagittal' | 'solid';

/** Where the cross of the planes is, and what lies there. */
export interface Place {
  /** Voxel of the preview, RAS+ axes: to the right, to the front, upwards. */
  readonly voxel: readonly [number, number, number];
  readonly hu: number;
  /** Names of the structures there. */
  readonly structures: readonly string[];
}

const SLICE_TYPES: Readonly<Record<Layout, SLICE_TYPE>> = {
  planes: SLICE_TYPE.MULTIPLANAR,
  axial: SLICE_TYPE.AXIAL,
  coronal: SLICE_TYPE.CORONAL,
  sagittal: SLICE_TYPE.SAGITTAL,
  solid: SLICE_TYPE.RENDER,
};

const MASK = { faint: 0.3, plain: 0.7 } as const;
const NIFTI_INTENT_LABEL = 1002;
const SOLID_ZOOM = 1.5;
const MESH = { faint: 0.3, plain: 1 } as const;
/** Beside an outline nothing is filled; layers of 0 are left out. */
const UNFILLED = 0.01;

/** NiiVue gets the bytes: by itself it fetches a file twice, and its errors say little. */
const given = ({ name, content }: ShownFile) => ({ url: name, name, buffer: content });

const opacityOf = ({ faint, plain }: typeof MASK | typeof MESH, isFaint: boolean): number =>
  isFaint ? faint : plain;

/** The solid view shows meshes only: a block of CT in it would hide them. */
class PlanesAndMeshes extends Niivue {
  override drawImage3D(): void {}
}

interface Shown {
  readonly ct: ShownFile;
  readonly masks: readonly ShownMask[];
  readonly meshes: readonly ShownMesh[];
}

/** CT with masks over it in three planes, and meshes, in one canvas. Radiological convention: R on the left. */
export class Viewer {
  readonly hasMeshes: boolean;
  onPlace: (place: Place) => void = () => undefined;
  readonly #nv: Niivue;
  readonly #shown: Shown;
  /** Of the masks, with all their structures. */
  readonly #voxels: readonly Uint8Array[];

  private constructor(nv: Niivue, shown: Shown) {
    this.#nv = nv;
    this.#shown = shown;
    this.hasMeshes = shown.meshes.length > 0;
    this.#voxels = nv.volumes.slice(1).map(({ img }) => Uint8Array.from(img!));
    nv.onLocationChange = (location) => this.#tellPlace(location as NiiVueLocation);
  }

  /** Loads everything and draws it. */
  static async open(canvas: HTMLCanvasElement, shown: Shown): Promise<Viewer> {
    const nv = new PlanesAndMeshes({
      backColor: [0.04, 0.05, 0.06, 1],
      crosshairColor: [0.36, 0.78, 0.75, 0.8],
      crosshairWidth: 0.7,
      crosshairWidthUnit: 'mm',
      crosshairGap: 14,
      fontMinPx: 15,
      showAllOrientationMarkers: true,
      isRadiologicalConvention: true,
      meshThicknessOn2D: 0,
      show3Dcrosshair: false,
      dragAndDropEnabled: false,
      dragMode: DRAG_MODE.contrast,
      multiplanarLayout: MULTIPLANAR_TYPE.GRID,
      multiplanarShowRender: shown.meshes.length > 0 ? SHOW_RENDER.ALWAYS : SHOW_RENDER.NEVER,
      multiplanarPadPixels: 4,
      loadingText: '',
      logLevel: 'silent',
    });
    await nv.attachToCanvas(canvas);
    const { ct, masks, meshes } = shown;
    const window = { colormap: 'gray', cal_min: -100, cal_max: 240 };
    nv.addVolume(await NVImage.loadFromUrl({ ...given(ct), ...window }));
    for (const mask of masks)
      nv.addVolume(await NVImage.loadFromUrl({ ...given(mask), opacity: opacityOf(MASK, mask.faint) }));
    if (meshes.length > 0)
      await nv.loadMeshes(
        meshes.map((mesh) => ({
          ...given(mesh),
          rgba255: new Uint8Array([...mesh.colour, 255]),
          opacity: opacityOf(MESH, mesh.faint),
        })),
      );
    nv.setSliceType(SLICE_TYPE.MULTIPLANAR);
    nv.setRenderAzimuthElevation(200, 10);
    // The view is wide enough for the CT around the meshes, which is not drawn.
    nv.setScale(SOLID_ZOOM);
    for (const [at, { labels }] of masks.entries()) {
      const volume = nv.volumes[at + 1]!;
      volume.setColormapLabel(colours(labels));
      // Only what a header calls labels gets outlines.
      volume.hdr!.intent_code = NIFTI_INTENT_LABEL;
    }
    nv.updateGLVolume();
    return new Viewer(nv, shown);
  }

  /** Voxels of the preview along the RAS+ axes. */
  get dims(): readonly [number, number, number] {
    const [, x, y, z] = this.#nv.volumes[0]!.dimsRAS!;
    return [x!, y!, z!];
  }

  layOut(layout: Layout): void {
    this.#nv.setSliceType(SLICE_TYPES[layout]);
  }

  /** HU that are black and white. */
  setWindow(black: number, white: number): void {
    const [ct] = this.#nv.volumes;
    [ct!.cal_min, ct!.cal_max] = [black, white];
    this.#nv.updateGLVolume();
  }

  /** Masks as thin outlines, or filled and see-through. */
  outline(on: boolean): void {
    this.#nv.setAtlasOutline(on ? 1 : 0);
    for (const [at, { faint }] of this.#shown.masks.entries())
      this.#nv.setOpacity(at + 1, on ? UNFILLED : opacityOf(MASK, faint));
  }

  /** Shows all structures but those with these keys. */
  hide(hidden: ReadonlySet<string>): void {
    // Taken out of the voxels: a colour that lets all through would still get an outline.
    for (const [at, { labels }] of this.#shown.masks.entries()) {
      const kept = Uint8Array.from({ length: 256 }, (_, label) => label);
      for (const { key, label } of labels) if (hidden.has(key)) kept[label] = 0;
      const [whole, shown] = [this.#voxels[at]!, this.#nv.volumes[at + 1]!.img!];
      for (let voxel = 0; voxel < whole.length; voxel++) shown[voxel] = kept[whole[voxel]!]!;
    }
    for (const [at, { key }] of this.#shown.meshes.entries()) this.#nv.meshes[at]!.visible = !hidden.has(key);
    this.#nv.updateGLVolume();
    this.#moved();
  }

  /** Puts the cross on a slice of one RAS+ axis. */
  moveTo(axis: 0 | 1 | 2, index: number): void {
    const { scene } = this.#nv;
    scene.crosshairPos[axis] = (index + 0.5) / this.dims[axis];
    this.#moved();
  }

  /** Puts the cross on a point, mm, RAS+. */
  lookAt([x, y, z]: readonly [number, number, number]): void {
    this.#nv.scene.crosshairPos = this.#nv.mm2frac([x, y, z]);
    this.#moved();
  }

  /** Ends the viewer and gives its memory back. */
  close(): void {
    this.#nv.cleanup();
    // Browsers hold a few contexts only, and each keeps its textures until it is collected.
    this.#nv.gl.getExtension('WEBGL_lose_context')?.loseContext();
  }

  #moved(): void {
    this.#nv.createOnLocationChange();
    this.#nv.drawScene();
  }

  #tellPlace({ values }: NiiVueLocation): void {
    const [ct, ...masks] = values;
    const { dims } = this;
    const { crosshairPos } = this.#nv.scene;
    const along = (axis: 0 | 1 | 2): number =>
      Math.min(dims[axis] - 1, Math.max(0, Math.floor(crosshairPos[axis] * dims[axis])));
    const structures = masks.flatMap(({ value }, at) =>
      this.#shown.masks[at]!.labels.filter(({ label }) => label === value),
    );
    this.onPlace({
      voxel: [along(0), along(1), along(2)],
      hu: ct?.value ?? Number.NaN,
      structures: structures.map(({ name }) => name),
    });
  }
}

/** Colour 0 is the background and must let all through. */
function colours(labels: readonly ShownLabel[]) {
  const all = [{ key: '', label: 0, name: '', colour: [0, 0, 0] as Rgb }, ...labels];
  return {
    R: all.map(({ colour }) => colour[0]),
    G: all.map(({ colour }) => colour[1]),
    B: all.map(({ colour }) => colour[2]),
    A: all.map(({ label }) => (label === 0 ? 0 : 255)),
    I: all.map(({ label }) => label),
    labels: all.map(({ name }) => name),
  };
}
