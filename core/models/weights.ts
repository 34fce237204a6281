/** Where a weight set comes from and how it is laid out on disk. */
export interface WeightSet {
  readonly title: string;
  readonly layout: 'nnunet-v1' | 'totalsegmentator';
  /** Folder under `$RESULTS_FOLDER/nnUNet/3d_fullres` (v1) or `$TOTALSEG_WEIGHTS_PATH`. */
  readonly folder: string;
  /** Folder of the trainer inside `folder`. */
  readonly trainer: string;
  /** Files that must be there for the set to be whole, relative to the trainer's folder (fold 0 for v1). */
  readonly files: readonly string[];
  readonly url: string;
  /** Size of the archive at `url`, bytes. */
  readonly archiveBytes: number;
  /** Checksum of the archive where the publisher states one; else recorded at the first fetch and pinned. */
  readonly archiveMd5: string | null;
  readonly licence: 'Apache-2.0' | 'CC-BY-NC-4.0';
}

const V2_FILES = ['dataset.json', 'plans.json', 'fold_0/checkpoint_final.pth'] as const;

const totalSegmentator = (
  folder: string,
  trainer: string,
  release: string,
  archiveBytes: number,
): WeightSet => ({
  title: `TotalSegmentator ${folder}`,
  layout: 'totalsegmentator',
  folder,
  trainer: `${trainer}__nnUNetPlans__3d_fullres`,
  files: V2_FILES,
  url: `https://github.com/wasserth/TotalSegmentator/releases/download/${release}/${folder}.zip`,
  archiveBytes,
  archiveMd5: null,
  licence: 'Apache-2.0',
});

const NO_MIRRORING = 'nnUNetTrainerNoMirroring';
const LOW_RESOLUTION = 'nnUNetTrainer_4000epochs_NoMirroring';
const RELEASE = 'v2.0.0-weights';

/** Every weight set that a model of the catalogue needs: id -> facts (sizes and addresses: the publishers'). */
export const WEIGHTS = {
  task008: {
    title: 'nnU-Net v1 Task008_HepaticVessel (3d_fullres)',
    layout: 'nnunet-v1',
    folder: 'Task008_HepaticVessel',
    trainer: 'nnUNetTrainerV2__nnUNetPlansv2.1',
    files: [
      'plans.pkl',
      'postprocessing.json',
      'fold_0/model_final_checkpoint.model',
      'fold_0/model_final_checkpoint.model.pkl',
    ],
    url: 'https://zenodo.org/record/4003545/files/Task008_HepaticVessel.zip?download=1',
    archiveBytes: 5_002_919_698,
    archiveMd5: '5cb797f542b43f882e1873129cd11021',
    licence: 'CC-BY-NC-4.0',
  },
  ts291: totalSegmentator(
    'Dataset291_TotalSegmentator_part1_organs_1559subj',
    NO_MIRRORING,
    RELEASE,
    233_742_255,
  ),
  ts292: totalSegmentator(
    'Dataset292_TotalSegmentator_part2_vertebrae_1532subj',
    NO_MIRRORING,
    RELEASE,
    234_050_721,
  ),
  ts293: totalSegmentator(
    'Dataset293_TotalSegmentator_part3_cardiac_1559subj',
    NO_MIRRORING,
    RELEASE,
    234_190_318,
  ),
  ts294: totalSegmentator(
    'Dataset294_TotalSegmentator_part4_muscles_1559subj',
    NO_MIRRORING,
    RELEASE,
    233_625_081,
  ),
  ts295: totalSegmentator(
    'Dataset295_TotalSegmentator_part5_ribs_1559subj',
    NO_MIRRORING,
    RELEASE,
    234_016_576,
  ),
  ts297: totalSegmentator(
    'Dataset297_TotalSegmentator_total_3mm_1559subj',
    LOW_RESOLUTION,
    RELEASE,
    135_386_075,
  ),
  ts298: totalSegmentator(
    'Dataset298_TotalSegmentator_total_6mm_1559subj',
    LOW_RESOLUTION,
    RELEASE,
    134_827_240,
  ),
  ts570: totalSegmentator('Dataset570_ct_liver_segments', NO_MIRRORING, 'v2.5.0-weights', 230_049_561),
  ts8: totalSegmentator('Dataset008_HepaticVessel', 'nnUNetTrainer', 'v2.4.0-weights', 230_191_278),
} as const satisfies Record<string, WeightSet>;

/** Id of a weight set. */
export type WeightsId = keyof typeof WEIGHTS;

/** The facts of a weight set, typed as the general shape. */
export function weightSet(id: WeightsId): WeightSet {
  return WEIGHTS[id];
}
