import {
  Document,
  Logger,
  NodeIO,
  Verbosity,
  type Buffer as GltfBuffer,
  type Node,
} from '@gltf-transform/core';
import { vertexNormals, type Mesh } from '../core/volume/meshes/mesh.ts';

/** A mesh of a scene. */
export interface SceneMesh {
  readonly name: string;
  /** 0 to 255 each. */
  readonly colour: readonly [number, number, number];
  /** Lets one see what is inside. */
  readonly clear: boolean;
  /** In RAS+ mm. */
  readonly mesh: Mesh;
}

/** Meshes to be seen together. */
export interface Scene {
  readonly meshes: readonly SceneMesh[];
  readonly notice: string;
}

const METRES = 0.001;
/** A quarter turn about x: the patient's superior axis becomes up, as glTF has it. */
const SUPERIOR_UP: [number, number, number, number] = [-Math.SQRT1_2, 0, 0, Math.SQRT1_2];
const CLEAR_ALPHA = 0.35;

/**
 * All meshes as a binary glTF file: a named, coloured node each, below a root that turns RAS+ mm into metres with y up.
 * `notice` stands in the asset's extras.
 */
export async function sceneFile({ meshes, notice }: Scene): Promise<Uint8Array> {
  const document = new Document().setLogger(new Logger(Verbosity.SILENT));
  const buffer = document.createBuffer();
  const root = document
    .createNode('patient')
    .setScale([METRES, METRES, METRES])
    .setRotation(SUPERIOR_UP)
    .setExtras({ frame: 'Children are in mm, RAS+ of the patient.' });
  for (const one of meshes) root.addChild(nodeOf(document, buffer, one));
  document.createScene('case').addChild(root);
  document.getRoot().getAsset().generator = 'hpb-segmentation';
  document.getRoot().setExtras({ notice });
  return new NodeIO().writeBinary(document);
}

function nodeOf(document: Document, buffer: GltfBuffer, { name, colour, clear, mesh }: SceneMesh): Node {
  const accessor = (type: 'VEC3' | 'SCALAR', array: Float32Array | Uint32Array) =>
    document
      .createAccessor()
      .setType(type)
      .setArray(array as Float32Array<ArrayBuffer>)
      .setBuffer(buffer);
  const [red, green, blue] = colour.map(linear) as [number, number, number];
  const material = document
    .createMaterial(name)
    .setBaseColorFactor([red, green, blue, clear ? CLEAR_ALPHA : 1])
    .setAlphaMode(clear ? 'BLEND' : 'OPAQUE')
    .setMetallicFactor(0)
    .setRoughnessFactor(0.7);
  const primitive = document
    .createPrimitive()
    .setAttribute('POSITION', accessor('VEC3', mesh.positions))
    .setAttribute('NORMAL', accessor('VEC3', vertexNormals(mesh)))
    .setIndices(accessor('SCALAR', mesh.triangles))
    .setMaterial(material);
  return document.createNode(name).setMesh(document.createMesh(name).addPrimitive(primitive));
}

/** A colour value of sRGB, 0 to 255, as light, 0 to 1, which glTF wants. */
function linear(value: number): number {
  const part = value / 255;
  return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
}
