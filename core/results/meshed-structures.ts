/**
 * Structures that get a mesh, by their name in metadata.json, with what a reader is shown: the liver with what is in
 * it and the organs and vessels around it. Other structures of the large models have a mask and figures only.
 */
const MESHED: Readonly<Record<string, string>> = {
  liver: 'Liver',
  hepatic_vessels: 'Hepatic vessels',
  liver_tumors: 'Liver tumours',
  liver_vessels: 'Hepatic vessels',
  liver_tumor: 'Liver tumours',
  ...Object.fromEntries([1, 2, 3, 4, 5, 6, 7, 8].map((n) => [`liver_segment_${n}`, `Liver segment ${n}`])),
  portal_vein_and_splenic_vein: 'Portal and splenic vein',
  inferior_vena_cava: 'Inferior vena cava',
  aorta: 'Aorta',
  gallbladder: 'Gallbladder',
  pancreas: 'Pancreas',
  duodenum: 'Duodenum',
  stomach: 'Stomach',
  spleen: 'Spleen',
  kidney_left: 'Left kidney',
  kidney_right: 'Right kidney',
};

/** Why a structure has no mesh. */
export const NOT_MESHED = 'Only the liver, what is in it, and the organs and vessels around it get a mesh.';

/** Whether a structure gets a mesh. */
export const isMeshed = (name: string): boolean => Object.hasOwn(MESHED, name);

/** The name of a structure as a reader is shown it; its own name where it gets no mesh. */
export const displayName = (name: string): string => MESHED[name] ?? name.replaceAll('_', ' ');

/** Folder of the meshes in the case package. */
const FOLDER = 'segmentations';

/** Path of a structure's mesh in the case package. */
export const meshFile = (name: string): string => `${FOLDER}/${name}.vtp`;

/** Formats in which the meshes can be had besides those of the viewer and the scene, in RAS+ mm of the patient. */
export const MESH_FORMATS = ['stl', 'mz3'] as const;
export type MeshFormat = (typeof MESH_FORMATS)[number];

/** Path of a structure's mesh in a format that was asked for. */
export const patientMeshFile = (name: string, format: MeshFormat): string => `${FOLDER}/${name}.${format}`;

/** The structure of a mesh's path; null for the path of something else. */
export function structureOfMeshFile(path: string): string | null {
  const [, name] = /^segmentations\/(\w+)\.vtp$/.exec(path) ?? [];
  return name ?? null;
}

/** Path of the CT as a volume for the viewer. */
export const VOLUME_FILE = 'ct_volume.vti';

/** Path of all meshes in one scene. */
export const SCENE_FILE = 'meshes.glb';
