"""The process manager's configuration: which programs it keeps alive, and how."""

import os
import re
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from folder import Folder
from preflight import SERVICES, Plan, RedisBinary, Refusal

# -IS: nothing but the standard library, so that the leash is on within milliseconds.
LEASH = [sys.executable, "-IS", str(Path(__file__).with_name("leash.py"))]

_SUPERVISORD = """\
# Written by make up; changes here are lost.
[supervisord]
nodaemon = true
logfile = {log}/supervisord.log
logfile_maxbytes = 10MB
logfile_backups = 3
pidfile = {state}/supervisord.pid
childlogdir = {log}
# The console shows what goes wrong, not what goes right.
loglevel = warn
{user}
"""

# A program that dies within startsecs is tried again after 1 s, then 2 s, 3 s, ...; the wait has no cap in supervisor
# (an hour of failing: about a minute and a half), and goes back to 1 s once it has lived for startsecs. One that dies
# later is started again at once. startretries cannot be infinite: this many take longer than any machine lives.
_PROGRAM = """
[program:{name}]
command = {command}
priority = {priority}
autorestart = true
startsecs = 5
startretries = 1000000000
stopwaitsecs = {stop_s}
stopasgroup = true
killasgroup = true
redirect_stderr = true
stdout_logfile = {log}/{name}.log
stdout_logfile_maxbytes = 10MB
stdout_logfile_backups = 3
"""

# Groups stop one after the other, the programs of a group together: services first, so that they can still publish
# their last words, then Redis. The two waits add up to less than the 10 s that Ctrl-C may take.
_GROUPS = """
[group:services]
programs = {services}
priority = 20
"""


def configuration(plan: Plan, folder: Folder) -> str:
    """Return the text of the configuration file."""
    if re.search(r"\s[;#]", f"{folder.path}\n{LEASH}"):
        raise Refusal(f"supervisor takes the ; or # after a blank in {folder.path} for a comment: rename that folder")
    log = _escaped(str(folder.log))
    user = "user = root" if os.geteuid() == 0 else ""  # else supervisord warns root that it stays root
    parts = [_SUPERVISORD.format(log=log, state=_escaped(str(folder.path)), user=user)]
    if plan.redis:
        command = redis_command(plan.redis, plan.redis_port, folder)
        parts.append(_program("redis", command, log, priority=10, stop_s=2))
    for name in plan.services:
        command = [sys.executable, "-m", SERVICES[name].package]
        parts.append(_program(name, command, log, priority=20, stop_s=5))
    parts.append(_GROUPS.format(services=",".join(plan.services)))
    return "".join(parts)


def redis_command(binary: RedisBinary, port: int, folder: Folder) -> list[str]:
    """Return the command of our own Redis: this machine only, kept on disk, never evicting."""
    # A folder for each version, because an older Redis cannot read what a newer one wrote, and would never start.
    data = folder.redis / "{}.{}".format(*binary.version)
    data.mkdir(parents=True, exist_ok=True)
    options = {
        "bind": "127.0.0.1",
        "port": str(port),
        "dir": str(data),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "maxmemory-policy": "noeviction",
    }
    return [binary.path, *(part for name, value in options.items() for part in (f"--{name}", value))]


def _program(name: str, command: Sequence[str], log: str, *, priority: int, stop_s: int) -> str:
    line = shlex.join([*LEASH, *command])
    log = _escaped(log)  # once more: supervisor expands the names of these logs twice
    return _PROGRAM.format(name=name, command=_escaped(line), log=log, priority=priority, stop_s=stop_s)


def _escaped(text: str) -> str:
    return text.replace("%", "%%")  # supervisor expands %(name)s
