"""Long-running processes with a log each, and waiting for them to serve."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from .errors import ControlPlaneError, tail
from .warden import MARK


class Daemon:
    """A process with a log; in a session of its own, so that Ctrl-C ends things in our order."""

    def __init__(
        self,
        name: str,
        argv: Sequence[str],
        *,
        log: Path,
        env: Mapping[str, str],
        pass_fds: Sequence[int] = (),
    ) -> None:
        self.name = name
        self.log = log
        with log.open("ab") as output:
            self.popen = subprocess.Popen(
                list(argv),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(env),
                pass_fds=pass_fds,
                start_new_session=True,
            )

    def wait_until(
        self,
        ready: Callable[[], bool],
        what: str,
        seconds: float = 60,
        needs: Sequence["Daemon"] = (),
    ) -> None:
        """Wait for `ready`, asking every 30 ms.

        Args:
            ready: tells whether it is so.
            what: its name, for the error.
            seconds: how long to wait.
            needs: others that must live for it.

        Raises:
            ControlPlaneError: the process ended or the time passed; the log's tail is in it.
        """
        deadline = time.monotonic() + seconds
        while not ready():
            for daemon in (*needs, self):
                if daemon.popen.poll() is not None:
                    code = daemon.popen.returncode
                    raise daemon.trouble(f"{daemon.name} ended with {code} before {what}")
            if time.monotonic() > deadline:
                raise self.trouble(f"{self.name}: no {what} within {seconds:.0f} s")
            time.sleep(0.03)

    def trouble(self, message: str) -> ControlPlaneError:
        """An error with the tail of the log."""
        return ControlPlaneError(f"{message}; the end of {self.log}:\n{tail(self.log)}")

    def kill(self) -> None:
        """SIGKILL to the whole session, as a node that loses power."""
        if self.popen.poll() is None:
            os.killpg(self.popen.pid, signal.SIGKILL)
        self.popen.wait()


def marked(env: Mapping[str, str], plane: str) -> dict[str, str]:
    """The environment with the plane's name in it: by it the warden finds what to end."""
    return {**env, MARK: plane}


def tool_environment(programs: Mapping[str, Path], home: Path) -> dict[str, str]:
    """The user's environment with the programs on PATH and their caches below `home`."""
    # Proxies are left out: everything here is on this machine.
    own = {key: value for key, value in os.environ.items() if "proxy" not in key.lower()}
    for variable in ("KUBECACHEDIR", "HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME"):
        own[variable] = str(home / variable.lower())
    # Those found on PATH add no folder: /usr/bin would come before the interpreter's.
    folders = dict.fromkeys(
        str(path.parent) for name, path in programs.items() if shutil.which(name) != str(path)
    )
    return {**own, "PATH": ":".join([*folders, os.environ.get("PATH", os.defpath)])}
