"""Archives as Python's own modules write them, so that the corpus holds more than what we can think of."""

import base64
import io
import tarfile
import warnings
import zipfile

warnings.filterwarnings("ignore", "Duplicate name")
TAR_FORMATS = {
    "python-tar-ustar": tarfile.USTAR_FORMAT,
    "python-tar-gnu": tarfile.GNU_FORMAT,
    "python-tar-pax": tarfile.PAX_FORMAT,
}


def pack(format, members):
    out = io.BytesIO()
    members = [(m["name"], base64.b64decode(m["content"]), m["deflate"], m["link"]) for m in members]
    if format in TAR_FORMATS:
        pack_tar(out, TAR_FORMATS[format], members)
    else:
        pack_zip(out, format, members)
    return base64.b64encode(out.getvalue()).decode()


def pack_zip(out, format, members):
    target = Unseekable(out) if format == "python-zip-stream" else out
    with zipfile.ZipFile(target, "w") as archive:
        for name, content, deflate, link in members:
            info = zipfile.ZipInfo(name, (2020, 1, 2, 3, 4, 6))
            info.compress_type = zipfile.ZIP_DEFLATED if deflate else zipfile.ZIP_STORED
            info.external_attr = (0o120777 if link else 0o100644) << 16
            if name.endswith("/"):
                archive.writestr(info, b"")
                continue
            with archive.open(info, "w", force_zip64=format == "python-zip64") as entry:
                entry.write(content)


def pack_tar(out, format, members):
    with tarfile.open(fileobj=out, mode="w", format=format) as archive:
        for name, content, _, link in members:
            info = tarfile.TarInfo(name.rstrip("/"))
            if name.endswith("/"):
                info.type = tarfile.DIRTYPE
            elif link:
                info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
            else:
                info.size = len(content)
            try:
                archive.addfile(info, io.BytesIO(content))
            except ValueError:
                # ustar has no room for the name.
                info.name = "short.nii.gz"
                archive.addfile(info, io.BytesIO(content))


class Unseekable(io.RawIOBase):
    """A pipe, for which zipfile writes sizes behind the content."""

    def __init__(self, out):
        self.out = out

    def writable(self):
        return True

    def write(self, data):
        return self.out.write(data)
