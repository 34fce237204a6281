"""Moves a folder into N folders of about the same size, in the order of the paths: one image layer each.

    python3 split_layers.py /opt/venv /opt/layers 5     # -> /opt/layers/1/opt/venv/..., /opt/layers/2/...
"""

import os
import sys


def main():
    source, target, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    files = []
    for folder, folders, names in os.walk(source):
        folders.sort()
        links = [name for name in folders if os.path.islink(os.path.join(folder, name))]
        files.extend(os.path.join(folder, name) for name in sorted(names + links))
    sizes = {path: os.lstat(path).st_size for path in files}
    whole, before = sum(sizes.values()), 0
    layers = [0] * count
    for path in files:
        # By its middle, so that a large file falls to the side on which most of it lies.
        at = min(count - 1, int((before + sizes[path] / 2) * count / max(1, whole)))
        before += sizes[path]
        layers[at] += sizes[path]
        moved = os.path.join(target, str(at + 1), path.lstrip('/'))
        os.makedirs(os.path.dirname(moved), exist_ok=True)
        os.rename(path, moved)
    for at, size in enumerate(layers):
        os.makedirs(os.path.join(target, str(at + 1)), exist_ok=True)
        print(f'layer {at + 1}: {size / 1e6:.0f} MB')


if __name__ == '__main__':
    main()
