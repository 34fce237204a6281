/**
 * What `scripts/viewer-picture.ts` runs in a browser: reads the volume and the meshes of a case package with vtk.js's own
 * readers, as the LearnHPB viewer does, and draws them in one scene with nothing moved to fit.
 */
import '@kitware/vtk.js/Rendering/Profiles/Geometry.js';
import '@kitware/vtk.js/Rendering/Profiles/Volume.js';
import { newInstance as imageReader } from '@kitware/vtk.js/IO/XML/XMLImageDataReader.js';
import { newInstance as polyDataReader } from '@kitware/vtk.js/IO/XML/XMLPolyDataReader.js';
import { newInstance as actorOf } from '@kitware/vtk.js/Rendering/Core/Actor.js';
import { newInstance as imageMapper } from '@kitware/vtk.js/Rendering/Core/ImageMapper.js';
import { newInstance as imageSlice } from '@kitware/vtk.js/Rendering/Core/ImageSlice.js';
import { newInstance as meshMapper } from '@kitware/vtk.js/Rendering/Core/Mapper.js';
import { newInstance as fullScreen } from '@kitware/vtk.js/Rendering/Misc/FullScreenRenderWindow.js';

type Bounds = readonly number[];

/** What the readers made of the files: boxes as vtk.js has them (x, X, y, Y, z, Z in mm of the viewer's frame). */
export interface SeenScene {
  readonly volume: Bounds;
  readonly meshes: Readonly<Record<string, Bounds>>;
}

/** What the types of vtk.js leave out. */
interface Reader<T> {
  parseAsArrayBuffer(file: ArrayBuffer): void;
  getOutputData(port: number): T;
}
interface Image {
  getDimensions(): readonly number[];
  getBounds(): Bounds;
}
interface Mapper {
  setInputData(data: unknown): void;
}
interface Placed {
  getBounds(): Bounds;
}

const bytesOf = async (url: string): Promise<ArrayBuffer> => (await fetch(url)).arrayBuffer();

/** Colours of meshes in the order of their files; the liver, which is around others, is seen through. */
const COLOURS = [
  [0.75, 0.4, 0.3],
  [0.3, 0.5, 0.9],
  [0.95, 0.85, 0.3],
  [0.4, 0.75, 0.4],
] as const;

/** Draws the files at these addresses: a `.vti`, and `.vtp` by structure. */
export async function drawScene(
  volume: string,
  meshes: Readonly<Record<string, string>>,
): Promise<SeenScene> {
  const window = fullScreen({ background: [0.1, 0.1, 0.12] });
  const renderer = window.getRenderer();
  const reader = imageReader() as unknown as Reader<Image>;
  reader.parseAsArrayBuffer(await bytesOf(volume));
  const image = reader.getOutputData(0);
  const slices = imageMapper();
  (slices as unknown as Mapper).setInputData(image);
  slices.setKSlice(Math.floor(image.getDimensions()[2]! / 2));
  const slice = imageSlice();
  slice.setMapper(slices);
  slice.getProperty().setColorWindow(400);
  slice.getProperty().setColorLevel(40);
  renderer.addViewProp(slice);
  const boxes: Record<string, Bounds> = {};
  for (const [at, [name, url]] of Object.entries(meshes).entries()) {
    const surfaces = polyDataReader() as unknown as Reader<object>;
    surfaces.parseAsArrayBuffer(await bytesOf(url));
    const mapper = meshMapper();
    (mapper as unknown as Mapper).setInputData(surfaces.getOutputData(0));
    const actor = actorOf();
    actor.setMapper(mapper);
    actor.getProperty().setColor(...COLOURS[at % COLOURS.length]!);
    actor.getProperty().setOpacity(name === 'liver' ? 0.5 : 1);
    renderer.addActor(actor);
    boxes[name] = [...(actor as unknown as Placed).getBounds()];
  }
  // From the front, the head up: the patient's right is on the left.
  const camera = renderer.getActiveCamera();
  camera.setFocalPoint(0, 0, 0);
  camera.setPosition(-0.35, 1, 0.45);
  camera.setViewUp(0, 0, 1);
  renderer.resetCamera();
  camera.zoom(1.7);
  renderer.resetCameraClippingRange();
  window.getRenderWindow().render();
  return { volume: [...image.getBounds()], meshes: boxes };
}

Object.assign(globalThis, { drawScene });
