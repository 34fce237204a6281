import { describe, expect, it } from 'vitest';
import { sceneFile, type SceneMesh } from '../../adapters/glb.ts';
import type { Mesh } from '../../core/volume/meshes/mesh.ts';

/** A box of 10 x 20 x 40 mm whose low corner is at a point of the patient, RAS+ mm; turned outwards. */
function box([x, y, z]: readonly [number, number, number]): Mesh {
  const corners = [0, 1, 2, 3, 4, 5, 6, 7].flatMap((n) => [
    x + 10 * (n & 1),
    y + 20 * ((n >> 1) & 1),
    z + 40 * (n >> 2),
  ]);
  const quads = [
    [0, 2, 3, 1],
    [4, 5, 7, 6],
    [0, 1, 5, 4],
    [2, 6, 7, 3],
    [0, 4, 6, 2],
    [1, 3, 7, 5],
  ];
  const triangles = quads.flatMap(([a, b, c, d]) => [a!, b!, c!, a!, c!, d!]);
  return { positions: Float32Array.from(corners), triangles: Uint32Array.from(triangles) };
}

const SCENE: readonly SceneMesh[] = [
  { name: 'liver', colour: [255, 0, 128], clear: true, mesh: box([-60, 30, 500]) },
  { name: 'hepatic_vessels', colour: [0, 255, 0], clear: false, mesh: box([0, 0, 0]) },
];

interface Gltf {
  readonly nodes: readonly {
    readonly name: string;
    readonly mesh?: number;
    readonly children?: readonly number[];
    readonly scale?: readonly number[];
    readonly rotation?: readonly number[];
  }[];
  readonly scenes: readonly { readonly nodes: readonly number[] }[];
  readonly meshes: readonly {
    readonly primitives: readonly {
      readonly attributes: Readonly<Record<'POSITION' | 'NORMAL', number>>;
      readonly indices: number;
      readonly material: number;
      readonly mode?: number;
    }[];
  }[];
  readonly materials: readonly {
    readonly alphaMode?: string;
    readonly pbrMetallicRoughness: { readonly baseColorFactor?: readonly number[] };
  }[];
  readonly accessors: readonly {
    readonly bufferView: number;
    readonly byteOffset?: number;
    readonly componentType: number;
    readonly count: number;
    readonly min?: readonly number[];
    readonly max?: readonly number[];
  }[];
  readonly bufferViews: readonly { readonly byteOffset?: number; readonly byteStride?: number }[];
  readonly asset: { readonly version: string };
}

/** Reads a GLB by the letter of glTF 2.0, without the library that wrote it. */
async function read(meshes = SCENE) {
  const file = await sceneFile({ meshes, notice: 'No medical device.' });
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const word = (at: number): number => view.getUint32(at, true);
  expect([word(0), word(4), word(8), word(16)]).toEqual([0x46546c67, 2, file.byteLength, 0x4e4f534a]);
  const json = JSON.parse(new TextDecoder().decode(file.subarray(20, 20 + word(12)))) as Gltf;
  const binary = 20 + word(12) + 8;
  const numbers = (accessor: number, width: number): number[] => {
    const { bufferView, byteOffset = 0, componentType, count } = json.accessors[accessor]!;
    const { byteOffset: start = 0, byteStride } = json.bufferViews[bufferView]!;
    const bytes = { 5126: 4, 5125: 4, 5123: 2 }[componentType]!;
    return Array.from({ length: count * width }, (_, n) => {
      const item = Math.floor(n / width);
      const at = binary + start + byteOffset + item * (byteStride ?? width * bytes) + (n % width) * bytes;
      if (componentType === 5126) return view.getFloat32(at, true);
      return bytes === 2 ? view.getUint16(at, true) : view.getUint32(at, true);
    });
  };
  return { file, json, numbers };
}

/** A point of a node in the space of the scene. */
function placed(point: readonly number[], { scale, rotation }: Gltf['nodes'][number]): number[] {
  const [x, y, z] = point.map((mm, axis) => mm * scale![axis]!) as [number, number, number];
  const [a, b, c, w] = rotation as [number, number, number, number];
  const t = [2 * (b * z - c * y), 2 * (c * x - a * z), 2 * (a * y - b * x)] as const;
  return [
    x + w * t[0] + b * t[2] - c * t[1],
    y + w * t[1] + c * t[0] - a * t[2],
    z + w * t[2] + a * t[1] - b * t[0],
  ].map((metres) => Math.round(metres * 1e6) / 1e6);
}

describe('the scene of all meshes', () => {
  it('has a named node a structure below one root', async () => {
    const { json } = await read();
    const root = json.nodes[json.scenes[0]!.nodes[0]!]!;

    expect(json.scenes[0]!.nodes).toHaveLength(1);
    expect(root.children!.map((child) => json.nodes[child]!.name)).toEqual(['liver', 'hepatic_vessels']);
  });

  it('is in metres, the head up and the face towards the viewer, as glTF has it', async () => {
    const { json, numbers } = await read();
    const root = json.nodes[json.scenes[0]!.nodes[0]!]!;
    const corner = numbers(
      json.meshes[json.nodes[root.children![0]!]!.mesh!]!.primitives[0]!.attributes.POSITION,
      3,
    );

    // Right is +x in RAS+ and in the scene; superior is y; anterior is away, -z.
    expect(placed(corner.slice(0, 3), root)).toEqual([-0.06, 0.5, -0.03]);
    expect(placed(corner.slice(21, 24), root)).toEqual([-0.05, 0.54, -0.05]);
  });

  it('keeps every triangle, turned outwards, with normals that say so', async () => {
    const { json, numbers } = await read();
    for (const [n, { mesh }] of SCENE.entries()) {
      const { attributes, indices, mode = 4 } = json.meshes[n]!.primitives[0]!;
      const positions = numbers(attributes.POSITION, 3);
      const triangles = numbers(indices, 1);

      expect(mode).toBe(4);
      expect(triangles).toEqual([...mesh.triangles]);
      expect(positions).toEqual([...mesh.positions]);
      expect(volumeOf(positions, triangles)).toBeCloseTo(10 * 20 * 40, 3);
      const middle = [0, 1, 2].map((axis) => positions[axis]! + [5, 10, 20][axis]!);
      const normals = numbers(attributes.NORMAL, 3);
      for (let at = 0; at < normals.length; at += 3)
        expect(
          [0, 1, 2].every((axis) => normals[at + axis]! * (positions[at + axis]! - middle[axis]!) > 0),
        ).toBe(true);
    }
  });

  it('has colours as light (linear), see-through where asked, and bounds that viewers need', async () => {
    const { json } = await read();
    const [liver, vessels] = json.meshes.map(({ primitives }) => json.materials[primitives[0]!.material]!);

    const [red, green, blue, alpha] = liver!.pbrMetallicRoughness.baseColorFactor!;
    expect([red, green]).toEqual([1, 0]);
    expect(blue).toBeCloseTo(0.2159, 3);
    expect(alpha).toBeLessThan(1);
    expect(liver!.alphaMode).toBe('BLEND');
    expect(vessels!.pbrMetallicRoughness.baseColorFactor).toEqual([0, 1, 0, 1]);
    const { min, max } = json.accessors[json.meshes[0]!.primitives[0]!.attributes.POSITION]!;
    expect([min, max]).toEqual([
      [-60, 30, 500],
      [-50, 50, 540],
    ]);
  });

  it('is the same bytes for the same meshes', async () => {
    expect(Buffer.from((await read()).file).equals(Buffer.from((await read()).file))).toBe(true);
  });
});

/** Signed: positive where the triangles are turned outwards. */
function volumeOf(positions: readonly number[], triangles: readonly number[]): number {
  let six = 0;
  for (let at = 0; at < triangles.length; at += 3) {
    const [a, b, c] = [0, 1, 2].map((n) =>
      positions.slice(3 * triangles[at + n]!, 3 * triangles[at + n]! + 3),
    );
    six +=
      a![0]! * (b![1]! * c![2]! - b![2]! * c![1]!) -
      a![1]! * (b![0]! * c![2]! - b![2]! * c![0]!) +
      a![2]! * (b![0]! * c![1]! - b![1]! * c![0]!);
  }
  return six / 6;
}
