"""Unpacks a package of an npm registry without npm, once its checksum is right.

    python3 npm_package.py REGISTRY NAME VERSION INTEGRITY FOLDER
"""

import base64
import hashlib
import io
import os
import sys
import tarfile
import urllib.request


def main():
    registry, name, version, integrity, folder = sys.argv[1:]
    address = f'{registry.rstrip("/")}/{name}/-/{name}-{version}.tgz'
    with urllib.request.urlopen(address, timeout=300) as answer:
        archive = answer.read()
    found = 'sha512-' + base64.b64encode(hashlib.sha512(archive).digest()).decode()
    if found != integrity:
        sys.exit(f'{name} {version} is not the package that was pinned: {found}')
    with tarfile.open(fileobj=io.BytesIO(archive)) as members:
        for member in members:
            # Everything in a package lies below one folder.
            _, _, path = member.name.partition('/')
            target = os.path.normpath(os.path.join(folder, path))
            if not target.startswith(folder.rstrip('/') + '/') or not member.isfile():
                continue
            os.makedirs(os.path.dirname(target), exist_ok=True)
            with open(target, 'wb') as file:
                file.write(members.extractfile(member).read())
            os.chmod(target, 0o755 if member.mode & 0o100 else 0o644)


if __name__ == '__main__':
    main()
