"""Is everything in this environment whole? Prints one JSON document.

A package whose installation was interrupted can look installed to pip: its files are half there. pip writes
INSTALLER and then the final RECORD last, so a package without them, or with a file that is missing or has
another size than RECORD says, is broken. With --repair the metadata of broken packages and the leftovers of
interrupted upgrades (`~name`) are removed; pip then installs these packages again.

    python -I check_environment.py [--repair]
    {"python": "3.11.7", "versions": {"torch": "2.13.0", ...}, "broken": ["scipy"]}
"""

import json
import os
import platform
import re
import shutil
import sys
import sysconfig
from importlib import metadata


def is_whole(distribution):
    if distribution.read_text("INSTALLER") is None or distribution.metadata["Name"] is None:
        return False
    files = distribution.files
    if not files:
        return False
    recorded_installer = False
    for file in files:
        recorded_installer = recorded_installer or file.name == "INSTALLER"
        if file.suffix == ".pyc":
            continue
        try:
            size = os.stat(file.locate()).st_size
            if file.size is not None and size != file.size:
                return False
        except OSError:
            return False
    return recorded_installer


def name_of(distribution):
    # The folder's name: METADATA itself may be missing.
    folder = os.path.basename(str(distribution._path))
    return re.sub(r"[-_.]+", "-", folder.split("-")[0]).lower()


def main():
    repair = "--repair" in sys.argv[1:]
    site_packages = sysconfig.get_paths()["purelib"]
    versions, broken = {}, []
    for entry in os.listdir(site_packages) if repair else []:
        if entry.startswith("~"):
            shutil.rmtree(os.path.join(site_packages, entry), ignore_errors=True)
    for distribution in metadata.distributions(path=[site_packages]):
        if not str(distribution._path).endswith(".dist-info"):
            continue
        if is_whole(distribution):
            versions[name_of(distribution)] = distribution.version
        else:
            broken.append(name_of(distribution))
            if repair:
                shutil.rmtree(str(distribution._path))
    print(json.dumps({"python": platform.python_version(), "versions": versions, "broken": sorted(broken)}))


if __name__ == "__main__":
    main()
