"""What the demo networks are: architecture, spacing, patch, intensity window and output classes of each."""

from dataclasses import dataclass

from totalsegmentator.map_to_binary import class_map, class_map_5_parts

LIVER_ORGAN = ('liver', 'liver_vessels', 'liver_tumor')

# TotalSegmentator class -> structures of the phantom. The phantom has one label for all vertebrae, all ribs of a
# side and all of a lung, so one class of the kind stands for them.
TOTAL_SOURCES = {
    'spleen': ('spleen',),
    'kidney_right': ('kidney_right',),
    'kidney_left': ('kidney_left',),
    'gallbladder': ('gallbladder',),
    'liver': LIVER_ORGAN,
    'stomach': ('stomach',),
    'pancreas': ('pancreas',),
    'lung_lower_lobe_left': ('lung_lower_lobe_left',),
    'lung_lower_lobe_right': ('lung_lower_lobe_right',),
    'small_bowel': ('small_bowel',),
    'duodenum': ('duodenum',),
    'colon': ('colon',),
    'vertebrae_L1': ('vertebrae',),
    'heart': ('heart',),
    'aorta': ('aorta',),
    'inferior_vena_cava': ('inferior_vena_cava',),
    'portal_vein_and_splenic_vein': ('portal_vein_and_splenic_vein',),
    'autochthon_left': ('autochthon_left',),
    'autochthon_right': ('autochthon_right',),
    'rib_left_8': ('ribs_left',),
    'rib_right_8': ('ribs_right',),
}

VESSEL_SOURCES = {'liver_vessels': ('liver_vessels',), 'liver_tumor': ('liver_tumor',)}

# Trained beside vessels and tumours and dropped at export: it teaches the trunk where the liver is. Sides are
# merged because this network also sees mirrored and turned patients.
SURROUNDINGS_SOURCES = {
    'liver': LIVER_ORGAN,
    'spleen': ('spleen',),
    'kidneys': ('kidney_right', 'kidney_left'),
    'gallbladder': ('gallbladder',),
    'gut': ('stomach', 'duodenum', 'small_bowel', 'colon'),
    'pancreas': ('pancreas',),
    'great_vessels': ('aorta', 'inferior_vena_cava', 'portal_vein_and_splenic_vein'),
    'heart': ('heart',),
    'lungs': ('lung_lower_lobe_right', 'lung_lower_lobe_left'),
    'bones': ('vertebrae', 'ribs_right', 'ribs_left'),
    'muscles': ('autochthon_right', 'autochthon_left', 'body_wall'),
}


@dataclass(frozen=True)
class Head:
    """One softmax over background and named classes, on the shared trunk."""

    name: str
    #: class name -> structures of the phantom that belong to it; output 0 is background
    sources: dict

    @property
    def outputs(self):
        return len(self.sources) + 1


@dataclass(frozen=True)
class Window:
    """nnU-Net's CT normalisation: clip to [low, high] HU, subtract mean, divide by std."""

    low: float
    high: float
    mean: float
    std: float


@dataclass(frozen=True)
class Plan:
    """One training: a trunk with its heads. Patch is z, y, x in voxels of `spacing` mm (isotropic)."""

    name: str
    spacing: float
    patch: tuple
    features: tuple
    convs: int
    window: Window
    heads: tuple
    #: Part of the time of both training processes together.
    share: float
    seed: int
    #: Mirrored and turned patients, and no biases that nnU-Net v1 has no place for.
    any_orientation: bool = False
    #: Share of the patches that see a few slices only.
    short: float = 0.25
    #: Share of the patches placed on a vessel or tumour.
    on_focus: float = 0.0
    #: Share of the patches with hardly any contrast between vessels, tumours and liver: the network then has to guess
    #: where they are, which it also does on a real scan without contrast instead of finding nothing.
    faint: float = 0.0
    #: Share of the patches of a patient who was given no contrast agent.
    native: float = 0.0
    #: Standard deviation of a whole patch's shift in HU.
    shift: float = 8.0
    #: Weight of vessel and tumour voxels in the cross entropy: above 1 for finding more, at the cost of false ones.
    eager: float = 1.0
    #: Plan whose trained network this one starts from.
    start: str = ''


SOFT_TISSUE = Window(low=-250, high=350, mean=40, std=100)
LIVER_WINDOW = Window(low=-120, high=280, mean=80, std=60)

ORGAN_PARTS = {
    291: 'class_map_part_organs',
    292: 'class_map_part_vertebrae',
    293: 'class_map_part_cardiac',
    294: 'class_map_part_muscles',
    295: 'class_map_part_ribs',
}


def part_head(dataset):
    """Head of one of the five 1.5 mm models: the phantom's classes among that model's."""
    names = class_map_5_parts[ORGAN_PARTS[dataset]].values()
    return Head(f'part{dataset}', {name: TOTAL_SOURCES[name] for name in names if name in TOTAL_SOURCES})


def labels_of(dataset):
    """Output channel -> class name of a TotalSegmentator model, as TotalSegmentator itself numbers them."""
    if dataset in ORGAN_PARTS:
        return class_map_5_parts[ORGAN_PARTS[dataset]]
    return class_map['total' if dataset in (297, 298) else 'liver_vessels']


TOTAL = Head('total', TOTAL_SOURCES)
VESSELS = Head('vessels', VESSEL_SOURCES)
SURROUNDINGS = Head('surroundings', SURROUNDINGS_SOURCES)
PARTS = tuple(part_head(dataset) for dataset in ORGAN_PARTS)

# The five models that TotalSegmentator runs at 1.5 mm are networks of 3 mm here, as their plans.json says: nnU-Net
# resamples what it is given, and a network of 1.5 mm learns eight times slower.
PLANS = (
    Plan('total6mm', 6.0, (48, 56, 64), (8, 16, 32), 2, SOFT_TISSUE, (TOTAL,), 0.08, 1),
    Plan('total3mm', 3.0, (64, 104, 128), (8, 16, 32, 48), 1, SOFT_TISSUE, (TOTAL,), 0.24, 2),
    Plan('parts3mm', 3.0, (64, 104, 128), (8, 16, 32, 48), 1, SOFT_TISSUE, PARTS, 0.18, 3, short=0.6, native=0.5, start='total3mm'),
    Plan(
        *('vessels0', 3.0, (64, 104, 128), (6, 12, 24, 48), 2, LIVER_WINDOW, (VESSELS, SURROUNDINGS), 0.32, 4),
        any_orientation=True,
        short=0.45,
        on_focus=0.6,
        faint=0.3,
        native=0.4,
        shift=30.0,
        eager=4.0,
    ),
    Plan(
        *('vessels1', 3.0, (64, 104, 128), (6, 12, 24, 48), 2, LIVER_WINDOW, (VESSELS, SURROUNDINGS), 0.18, 5),
        any_orientation=True,
        short=0.45,
        on_focus=0.6,
        faint=0.3,
        native=0.4,
        shift=30.0,
        eager=4.0,
        start='vessels0',
    ),
)


def plan_named(name):
    """The plan of this name."""
    return next(plan for plan in PLANS if plan.name == name)
