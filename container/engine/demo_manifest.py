"""The manifest of the demo weights: every file with its size and checksum, and the Dice reached."""

import hashlib

from demo_export import NOTICE, V1_FOLDER, V2_MODELS, write_json


def set_folders(out):
    """Weight set id of core/models/weights.ts -> folder under `out`."""
    folders = {'task008': V1_FOLDER.rsplit('/', 1)[0]}
    for dataset, (folder, *_) in V2_MODELS.items():
        folders[f'ts{dataset}'] = f'totalseg/{folder}'
    return {name: out / folder for name, folder in folders.items()}


def write_manifest(out, dice):
    """manifest.json: size and sha256 of every file of every set, and the Dice reached (`dice`: set id -> table)."""
    sets = {}
    for name, folder in set_folders(out).items():
        files = {}
        for path in sorted(file for file in folder.rglob('*') if file.is_file()):
            content = path.read_bytes()
            entry = {'bytes': len(content), 'sha256': hashlib.sha256(content).hexdigest()}
            files[path.relative_to(out).as_posix()] = entry
        sets[name] = {'files': files, 'dice': dice.get(name, {})}
    manifest = {'schemaVersion': 1, 'kind': 'demo', 'notice': NOTICE, 'trainedOn': 'phantoms', 'sets': sets}
    write_json(out / 'manifest.json', manifest)
