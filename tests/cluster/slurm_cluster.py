"""A SLURM cluster of several nodes on this machine, for the length of a test session.

munged, MariaDB, slurmdbd, slurmctld and a slurmd for each node run in the foreground as children
of this process, and die with it, with a configuration, ports, sockets and files of their own:
nothing of the system's is touched. A node is a PID, UTS and mount namespace: its own processes
(which all die with it, as in a power cut), its own hostname and its own scratch disk. Memory limits
are real where control groups (v1) can be written.

Nodes declare more cores and memory than the machine has (``config_overrides``), so that the
requests of production are scheduled as they stand; what counts is what a job really uses.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

#: Programs of Debian's packages slurmctld, slurmd, slurm-client, slurmdbd, munge, mariadb-server.
PROGRAMS = (
    *("munged", "mariadbd", "mariadb-install-db", "slurmdbd", "slurmctld", "slurmd"),
    *(
        "sbatch",
        "sacct",
        "sacctmgr",
        "scontrol",
        "sinfo",
        "squeue",
        "scancel",
        "unshare",
        "setpriv",
    ),
)
#: What makes a node of its command.
NAMESPACES = (
    *("unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "--uts", "--mount"),
    *("--propagation", "private"),
)
#: Where each session notes its processes, for the next one to end if it was killed.
RECORDS = Path("/var/tmp")
CGROUPS = Path("/sys/fs/cgroup")
#: The scratch disk of a node, as ``profiles/slurm`` names it; each node has its own.
SCRATCH = Path("/scratch")
#: Size of the small file system that all nodes share, MB.
DISK_MB = 64
#: How long a daemon may take to answer, in seconds.
START = 180


@dataclass(frozen=True)
class Node:
    """A node as it is declared: its cores, and its memory in MB."""

    name: str
    cpus: int
    memory_mb: int


#: Nodes of each partition. ``short`` and ``long`` are those of ``profiles/slurm``. In the others
#: tests do harm: jobs of ``preemptible`` make room for those of ``urgent``, nodes of ``frail`` are
#: cut off, those of ``drained`` drained, those of ``downed`` set down.
PARTITIONS = {
    "short": (Node("n1", 16, 64_000), Node("n2", 16, 64_000)),
    "long": (Node("n3", 32, 256_000),),
    "preemptible": (Node("n4", 4, 16_000),),
    "frail": (Node("n5", 4, 16_000), Node("n6", 4, 16_000)),
    "drained": (Node("n7", 4, 16_000), Node("n8", 4, 16_000)),
    "downed": (Node("n9", 4, 16_000), Node("n10", 4, 16_000)),
}
NODES = tuple(node for nodes in PARTITIONS.values() for node in nodes)


def missing() -> str:
    """Why no cluster can be started here, or ""."""
    lacking = [name for name in PROGRAMS if shutil.which(name, path=_PATH) is None]
    if lacking:
        return f"not installed: {', '.join(lacking)} (setup/tools.sh --slurm)"
    if os.geteuid() != 0:
        return "starting nodes in namespaces of their own needs root"
    tried = subprocess.run(
        [*NAMESPACES, "mount", "--bind", "/tmp", "/tmp"],
        capture_output=True,
        text=True,
        check=False,
    )
    return f"no namespaces for nodes: {tried.stderr.strip()}" if tried.returncode else ""


_PATH = os.pathsep.join([os.environ["PATH"], "/usr/sbin", "/sbin"])


@dataclass
class Cluster:
    """A running cluster.

    Attributes:
        folder: Holds everything of it.
        enforces_memory: Whether the kernel ends a job that takes more memory than it asked for.
    """

    folder: Path
    enforces_memory: bool = False
    _made_scratch: bool = False
    _daemons: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    _ports: dict[str, int] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """What a program needs to speak with this cluster."""
        return {**os.environ, "PATH": _PATH, "SLURM_CONF": str(self.folder / "etc/slurm.conf")}

    def ask(self, *command: str, timeout: float = 60) -> str:
        """What a SLURM command prints."""
        done = subprocess.run(
            command,
            env=self.environment,
            capture_output=True,
            text=True,
            check=True,
            timeout=timeout,
        )
        return done.stdout

    @property
    def disk(self) -> Path:
        """A small file system of its own that all nodes share, for tests to fill."""
        return self.folder / "disk"

    # -- start and stop ------------------------------------------------------------------------

    def start(self) -> None:
        """Start every daemon and wait until all nodes are idle."""
        end_leftovers()
        for name in ("", "etc", "log", "run", "state", "spool", "munge", "db"):
            (self.folder / name).mkdir(parents=True, mode=0o755, exist_ok=True)
        names = ("slurmctld", "slurmdbd", *(node.name for node in NODES))
        self.folder.chmod(0o755)
        self._ports = dict(zip(names, free_ports(len(names)), strict=True))
        self.enforces_memory = cgroups_writable()
        self._write_configuration()
        if not SCRATCH.exists():
            SCRATCH.mkdir()
            self._made_scratch = True
        # Before the nodes: they see what is mounted when they start.
        self.disk.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "tmpfs", str(self.disk)]
        subprocess.run(mount, check=True)
        self._start_munge()
        self._start_database()
        self.start_accounting()
        self._add_accounts()
        self.start_controller()
        for node in NODES:
            self.start_node(node.name)
        for node in NODES:
            self.wait_for_node(node.name)

    def stop(self) -> None:
        """End every process that was started, by its id."""
        order = ("slurmctld", "slurmdbd", "mariadbd", "munged")
        nodes = [name for name in self._daemons if name not in order]
        for name in (*nodes, *order):
            self.end(name)
        for node in NODES:
            for group in sorted(CGROUPS.glob(f"*/slurm_{node.name}/**/"), reverse=True):
                with suppress(OSError):
                    group.rmdir()
        unmount(self.disk)
        if self._made_scratch:
            with suppress(OSError):  # another session may use it
                SCRATCH.rmdir()
        _record(os.getpid()).unlink(missing_ok=True)

    def end(self, name: str, kill: bool = False) -> None:
        """End one daemon, or a node with all its processes."""
        process = self._daemons.pop(name, None)
        if process is None:
            return
        # The end of `unshare` is the end of its namespace: SIGTERM would leave slurmd behind.
        sudden = kill or (name in self._ports and name.startswith("n"))
        process.send_signal(signal.SIGKILL if sudden else signal.SIGTERM)
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self._note()

    def start_controller(self) -> None:
        """Start slurmctld and wait until it answers."""
        self._spawn("slurmctld", ["slurmctld", "-D"])
        self._wait(lambda: "is UP" in self.ask("scontrol", "ping", timeout=5), "slurmctld")

    def start_accounting(self) -> None:
        """Start slurmdbd and wait until it answers."""
        database = str(self.folder / "run/mysql.sock")
        self._spawn("slurmdbd", ["slurmdbd", "-D"], MYSQL_UNIX_PORT=database)
        self._wait(lambda: self.ask("sacctmgr", "show", "cluster", timeout=5), "slurmdbd")

    def start_node(self, name: str) -> None:
        """Start a node in namespaces of its own."""
        for folder in (self._disk(name), self.folder / "spool" / name):
            folder.mkdir(parents=True, exist_ok=True)
        self._disk(name).chmod(0o1777)
        # /etc/slurm must hold the configuration: the job step of the executor plugin drops
        # SLURM_CONF from the environment.
        script = (
            'hostname "$1"; mount --bind "$2" "$3"; mount --bind "$4" /etc/slurm; '
            'unset SLURM_CONF; slurmd -D -N "$1" & wait $!'
        )
        folders = (self._disk(name), SCRATCH, self.folder / "etc")
        self._spawn(name, [*NAMESPACES, "sh", "-ec", script, "sh", name, *map(str, folders)])

    def save_jobs(self, *ids: str) -> None:
        """Wait until slurmctld has written down that these jobs run.

        It does so every few seconds. One that is killed before has never heard of them when it
        comes back, and drains their nodes.
        """
        saved = self.folder / "state/job_state"
        asked = time.time()
        for job in ids:  # what is changed is written
            self.ask("scontrol", "update", f"jobid={job}", "admincomment=seen")
        self._wait(lambda: saved.exists() and saved.stat().st_mtime >= asked, "job_state")

    def wait_for_node(self, name: str) -> None:
        """Wait until a node takes jobs."""
        state = ("sinfo", "--noheader", "--Node", "--nodes", name, "--format", "%t")
        usable = {"idle", "mix", "alloc"}
        self._wait(lambda: set(self.ask(*state, timeout=5).split()) <= usable, f"node {name}")

    def in_node(self, name: str, *command: str) -> None:
        """Run a command as root in the mount namespace of a node."""
        leader = self._daemons[name].pid
        children = Path(f"/proc/{leader}/task/{leader}/children").read_text().split()
        enter = ["nsenter", f"--mount=/proc/{children[0]}/ns/mnt", "--", *command]
        subprocess.run(enter, check=True, capture_output=True)

    # -- parts ---------------------------------------------------------------------------------

    def _disk(self, node: str) -> Path:
        return self.folder / "nodes" / node / "scratch"

    def _spawn(self, name: str, command: Sequence[str], **environment: str) -> None:
        with (self.folder / "log" / f"{name}.out").open("ab") as log:
            self._daemons[name] = subprocess.Popen(
                dying_with_this_process(command),
                env={**self.environment, **environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._note()

    def _note(self) -> None:
        """Keep the ids of the processes where the next session finds them."""
        known = {pid: _started(pid) for pid in (p.pid for p in self._daemons.values())}
        owner = {"owner": [os.getpid(), _started(os.getpid())], "folder": str(self.folder)}
        _record(os.getpid()).write_text(json.dumps(owner | {"processes": known}))

    def _wait(self, answers: Callable[[], object], what: str) -> None:
        end = time.monotonic() + START
        while time.monotonic() < end:
            with suppress(subprocess.SubprocessError):
                if answers():
                    return
            time.sleep(0.1)
        said = "\n".join(
            f"{log.name}: {log.read_text(errors='replace')[-1500:]}"
            for log in sorted((self.folder / "log").iterdir())
        )
        raise RuntimeError(f"{what} does not answer after {START} s\n{said}")

    def _start_munge(self) -> None:
        folder = self.folder / "munge"
        key = folder / "munge.key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o400)
        paths = {"key": key, "socket": self._socket, "pid": folder / "pid"}
        paths |= {"log": folder / "munged.log", "seed": folder / "seed"}
        options = [f"--{name}-file={path}" for name, path in paths.items() if name != "socket"]
        # --force: a folder above may be writable for others, as /tmp is.
        command = ["munged", "--foreground", "--force", f"--socket={self._socket}", *options]
        self._spawn("munged", command)
        self._wait(lambda: self.ask("munge", "-n", "-S", str(self._socket), timeout=5), "munged")

    @property
    def _socket(self) -> Path:
        return self.folder / "munge/socket"

    def _start_database(self) -> None:
        data, socket_file = self.folder / "db", self.folder / "run/mysql.sock"
        common = [
            "--no-defaults",
            "--user=root",
            f"--datadir={data}",
            f"--tmpdir={data.parent / 'run'}",
        ]
        install = ["mariadb-install-db", *common, "--skip-test-db"]
        install.append("--auth-root-authentication-method=socket")
        done = subprocess.run(install, env=self.environment, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr[-2000:]
        serve = ["mariadbd", *common, f"--socket={socket_file}", "--skip-networking"]
        serve += [f"--pid-file={self.folder / 'run/mariadbd.pid'}"]
        serve += ["--innodb-buffer-pool-size=64M", "--innodb-flush-log-at-trx-commit=0"]
        self._spawn("mariadbd", serve)
        probe = ["mariadb", "--no-defaults", "-S", str(socket_file), "-e", "select 1"]
        self._wait(lambda: self.ask(*probe, timeout=5), "mariadbd")

    def _add_accounts(self) -> None:
        change = ["sacctmgr", "--immediate", "--quiet"]
        self.ask(*change, "add", "cluster", "test")
        self.ask(*change, "add", "account", "wgs")
        self.ask(*change, "add", "user", "root", "Account=wgs")

    def _write_configuration(self) -> None:
        etc = self.folder / "etc"
        (etc / "slurm.conf").write_text(self._slurm_conf())
        lines = ["CgroupAutomount=no"]
        if self.enforces_memory:
            lines += ["CgroupPlugin=cgroup/v1", f"CgroupMountpoint={CGROUPS}"]
            lines += ["ConstrainRAMSpace=yes", "ConstrainCores=no", "ConstrainDevices=no"]
        (etc / "cgroup.conf").write_text("\n".join(lines) + "\n")
        accounting = etc / "slurmdbd.conf"
        accounting.touch(mode=0o600)
        accounting.write_text(self._slurmdbd_conf())

    def _slurmdbd_conf(self) -> str:
        return f"""\
AuthType=auth/munge
AuthInfo=socket={self._socket}
DbdHost={_host()}
DbdAddr=127.0.0.1
DbdPort={self._ports["slurmdbd"]}
SlurmUser=root
PidFile={self.folder}/run/slurmdbd.pid
StorageType=accounting_storage/mysql
StorageHost=localhost
StorageUser=root
StorageLoc=slurm_acct_db
CommitDelay=0
"""

    def _slurm_conf(self) -> str:
        folder, ports = self.folder, self._ports
        tracking = (
            "ProctrackType=proctrack/cgroup\n"
            "TaskPlugin=task/cgroup\n"
            "JobAcctGatherType=jobacct_gather/cgroup\n"
            if self.enforces_memory
            else "ProctrackType=proctrack/linuxproc\n"
            "TaskPlugin=task/none\n"
            "JobAcctGatherType=jobacct_gather/linux\n"
            "JobAcctGatherParams=OverMemoryKill\n"
        )
        nodes = "".join(
            f"NodeName={node.name} NodeHostname={node.name} NodeAddr=127.0.0.1 "
            f"Port={ports[node.name]} CPUs={node.cpus} RealMemory={node.memory_mb}\n"
            for node in NODES
        )
        partitions = "".join(
            f"PartitionName={name} Nodes={','.join(node.name for node in members)} "
            f"MaxTime={'72' if name == 'long' else '12'}:00:00 PriorityTier=1 "
            f"Default={'YES' if name == 'short' else 'NO'}\n"
            for name, members in PARTITIONS.items()
        )
        return f"""\
ClusterName=test
SlurmctldHost={_host()}(127.0.0.1)
SlurmctldPort={ports["slurmctld"]}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={self._socket}
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool/%n
SlurmctldPidFile={folder}/run/slurmctld.pid
SlurmdPidFile={folder}/run/%n.pid
MpiDefault=none
SwitchType=switch/none
{tracking}# Cores and memory are consumable: a job waits for free memory, not only for free cores.
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
DefMemPerCPU=200
SlurmdParameters=config_overrides
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_min_interval=0,bf_interval=1
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
# Nodes are missed soon and taken back when they return. Jobs are requeued unless they say no,
# as Slurm has it by default.
ReturnToService=2
SlurmdTimeout=10
SlurmctldTimeout=30
BatchStartTimeout=10
KillWait=5
JobRequeue=1
EnforcePartLimits=ALL
MinJobAge=300
JobAcctGatherFrequency=task=1
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort={ports["slurmdbd"]}
# sacct and sacctmgr find a private munge socket by this line only.
AccountingStoragePass={self._socket}
AccountingStorageEnforce=associations,limits,qos
AccountingStoreFlags=job_comment
{nodes}{partitions}PartitionName=urgent Nodes=n4 PriorityTier=10 PreemptMode=OFF
"""


def dying_with_this_process(command: Sequence[str]) -> list[str]:
    """A command that the kernel kills when the process that starts it ends, however it ends."""
    return ["setpriv", "--pdeathsig", "KILL", "--", *command]


def _host() -> str:
    return socket.gethostname().partition(".")[0]


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def cgroups_writable() -> bool:
    """Whether control groups of version 1 can be made for memory and freezing."""
    for controller in ("memory", "freezer", "cpuset"):
        probe = CGROUPS / controller / "wgs_test_probe"
        try:
            probe.mkdir()
            probe.rmdir()
        except OSError:
            return False
    return True


def end_leftovers() -> None:
    """End what sessions that were killed left: processes by id, and their folders.

    An id that was given anew meanwhile, and a session that is alive, are not touched.
    """
    for record in RECORDS.glob("wgs-slurm-*.json"):
        try:
            known = json.loads(record.read_text())
        except (OSError, ValueError):
            continue
        owner, began = known["owner"]
        if _started(owner) != began:
            processes = {int(pid): began for pid, began in known["processes"].items()}
            _end_all(processes)
            unmount(Path(known["folder"]) / "disk")
            shutil.rmtree(known["folder"], ignore_errors=True)
            record.unlink(missing_ok=True)


def unmount(folder: Path) -> None:
    """Take a file system away, if there is one."""
    if folder.is_mount():
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def _end_all(processes: dict[int, str]) -> None:
    def left() -> list[int]:
        return [pid for pid, began in processes.items() if began and _started(pid) == began]

    end = time.monotonic() + 20
    while (alive := left()) and time.monotonic() < end:
        for pid in alive:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.1)


def _record(owner: int) -> Path:
    return RECORDS / f"wgs-slurm-{owner}.json"


def _started(pid: int) -> str:
    """When a process began, in ticks since the machine did; "" where there is none."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    fields = stat.rpartition(")")[2].split()
    return "" if fields[0] == "Z" else fields[19]


def running(folder: Path) -> Iterator[Cluster]:
    """A cluster that runs while the generator is suspended."""
    cluster = Cluster(folder)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()
