"""Run by the analyzer's own interpreter: FOLDER with one cluster a .yaml, one .txt put beside each.

One process for all clusters, for starting it costs more than a cluster does.
"""

import contextlib
import sys
from pathlib import Path

from nca.nca_cli import nca_main


def main(folder: Path) -> None:
    """Write the connectivity of every cluster; a failure ends it with the cluster's name."""
    for path in sorted(folder.glob("*.yaml")):
        given = [flag for name in ("--connectivity", "-n", "-p") for flag in (name, str(path))]
        with (folder / "log").open("a") as log, contextlib.redirect_stderr(log):
            code = nca_main([*given, "-o", "txt_no_fw_rules", "-f", str(path.with_suffix(".txt"))])
        if code:
            sys.exit(f"{path.name}: exit code {code}")


main(Path(sys.argv[1]))
