"""Keeps the packages of one task from one execution to the next, for the very interpreter that runs this."""

import io
import os
import sys
import sysconfig
import tarfile

action, archive, library, requirements = sys.argv[1:]
with open(requirements, encoding="utf-8") as file:
    wanted = file.read()
# Machine code fits one interpreter, and the commands of packages name its path.
suffix = sysconfig.get_config_var("EXT_SUFFIX") or ""
mark = "\n".join([sys.executable, sys.version, suffix, wanted]).encode()

if action == "save":
    with tarfile.open(archive + ".part", "w") as tar:
        first = tarfile.TarInfo("mark")
        first.size = len(mark)
        tar.addfile(first, io.BytesIO(mark))
        tar.add(library, os.path.basename(library))
    os.replace(archive + ".part", archive)
else:
    try:
        with tarfile.open(archive) as tar:
            first = tar.next()
            if first is None or tar.extractfile(first).read() != mark:
                sys.exit(1)
            trusted = hasattr(tarfile, "fully_trusted_filter")
            tar.extractall(os.path.dirname(library), **({"filter": "fully_trusted"} if trusted else {}))
    except (OSError, tarfile.TarError):
        sys.exit(1)
    # What is kept stays as it is.
    os.remove(archive)
