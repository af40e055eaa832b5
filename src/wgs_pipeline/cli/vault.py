"""``wgs vault``: keep the vault's keys."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wgs_pipeline.errors import NgdError

if TYPE_CHECKING:
    from wgs_pipeline.ngd.layout import Root
    from wgs_pipeline.vault import Vault
    from wgs_pipeline.vault.master import KeySource

_path = click.Path(path_type=Path)
_vault = click.argument("folder", metavar="VAULT", type=_path)
_key_file = click.option(
    "--key-file", type=_path, help="Master key; default as the environment or the vault says."
)


@click.group()
def command() -> None:
    """Keep the vault's keys: make, rotate, back up, destroy.

    The master key is 64 hexadecimal digits in a file of mode 0600 (WGS_VAULT_KEY_FILE), in an
    environment variable (WGS_VAULT_KEY), or printed by the client of a key service.
    """


@command.command()
@_vault
@click.option("--key-file", type=_path, help="File of the master key; made where missing.")
@click.option("--key", "source", help="file:PATH, env:NAME or command:PROGRAM, in its place.")
def init(folder: Path, key_file: Path | None, source: str | None) -> None:
    """Make a vault, or say where the master key of one comes from.

    Without an option, and without WGS_VAULT_KEY_FILE or WGS_VAULT_KEY, the key is made in the
    vault's own folder: then whoever gets the folder has the key.
    """
    import secrets

    from wgs_pipeline.vault import Vault, master

    given = _given(key_file, source)
    new = not (folder / "vault.sqlite").exists()
    if (
        new
        and key_file is not None
        and master.write_key(key_file.absolute(), secrets.token_bytes(32))
    ):
        click.echo(f"{key_file}: made; keep a copy apart from the vault", err=True)
    with Vault.create(folder, given) as vault:
        name = vault.keys.source().name
    click.echo(f"{folder}: ready; its master key comes from {name}", err=True)


@command.command()
@_vault
@_key_file
@click.option("--master", "master_key", is_flag=True, help="Another master key.")
@click.option("--to", help="Where that comes from: file:PATH, env:NAME or command:PROGRAM.")
@click.option("--identity", is_flag=True, help="Another key pair that registrations are sealed to.")
@click.option("--finish", is_flag=True, help="Destroy the key pairs of before.")
@click.option("--project", "projects", multiple=True, help="Other pseudonyms for this project.")
def rotate(
    folder: Path,
    key_file: Path | None,
    master_key: bool,
    to: str | None,
    identity: bool,
    finish: bool,
    projects: Sequence[str],
) -> None:
    """Replace keys; without an option the master key and the identity.

    Genomes that wait for a commit are read under either identity until --finish, which folds
    them in first. Pseudonyms change only where a project is named.
    """
    if finish and (master_key or identity or projects or to):
        raise click.UsageError("--finish stands by itself")
    if not (master_key or identity or finish or projects or to):
        master_key = identity = True
    with _opened(folder, key_file) as vault:
        root = _root_of(vault)
        if master_key or to:
            _rotate_master(vault, root, to)
        if identity:
            _rotate_identity(vault, root)
        for project in projects:
            number = vault.keys.rotate_project_key(project)
            _log(vault, root, "rotate", f"pseudonyms of project {project}")
            click.echo(f"{folder}: project {project} has its pseudonym key {number} now", err=True)
        if finish:
            from wgs_pipeline.ngd.key_care import finish_identity

            if root is None:
                raise _homeless(vault)
            count = finish_identity(root, vault)
            _log(vault, root, "rotate", f"identities of before destroyed: {count}")
            click.echo(f"{folder}: {count} identities of before destroyed", err=True)


@command.command()
@_vault
@_key_file
@click.option("-o", "--output", type=_path, required=True, help="The backup; encrypted.")
def backup(folder: Path, key_file: Path | None, output: Path) -> None:
    """Back up the vault, as of one moment, while loads go on.

    The backup is encrypted under the master key, which is not in it: keep that apart.
    """
    from wgs_pipeline.vault.backup import back_up
    from wgs_pipeline.vault.master import DEFAULT

    with _opened(folder, key_file) as vault:
        size = back_up(vault, output)
        _log(vault, _root_of(vault), "backup", "of the vault")
        source = vault.keys.source().name
    click.echo(f"{output}: {size} bytes, under the master key of {source}", err=True)
    if source == DEFAULT:
        click.echo(
            f"{folder}: its master key lies in the vault itself; a backup opens only with a copy "
            "that is kept apart, or after 'wgs vault rotate --to file:PATH'",
            err=True,
        )


@command.command()
@click.argument("backup_file", metavar="BACKUP", type=_path)
@_vault
@click.option("--key-file", type=_path, help="The master key that the vault had then.")
@click.option("--key", "source", help="file:PATH, env:NAME or command:PROGRAM, in its place.")
def restore(backup_file: Path, folder: Path, key_file: Path | None, source: str | None) -> None:
    """Make the vault of a backup; its master key is taken from there from now on.

    Repeat erasures and rotations that came after the backup.
    """
    from wgs_pipeline.vault import master
    from wgs_pipeline.vault.backup import restore

    key = _given(key_file, source) or master.from_environment()
    if key is None:
        raise click.UsageError("give --key-file or --key, or set WGS_VAULT_KEY_FILE")
    restore(backup_file, folder, key)
    click.echo(f"{folder}: restored from {backup_file}", err=True)


@command.command("destroy-key")
@_vault
@_key_file
@click.option("--slot", "slots", type=int, multiple=True, help="Slot of a genome.")
@click.option("--shard", "shards", multiple=True, help="Digest of a genome shard.")
@click.option("--force", is_flag=True, help="Also where a genome in use needs it.")
def destroy_key(
    folder: Path,
    key_file: Path | None,
    slots: Sequence[int],
    shards: Sequence[str],
    force: bool,
) -> None:
    """Destroy the data key of genome shards: no copy of them can be read any more, ever."""
    from wgs_pipeline.ngd.key_care import destroy_keys

    if not slots and not shards:
        raise click.UsageError("give --slot or --shard")
    with _opened(folder, key_file) as vault:
        held = {each.slot: each.shard for each in vault.genomes()}
        missing = sorted(set(slots) - held.keys())
        if missing:
            raise NgdError(f"{folder}: no genome has slot {missing[0]}; expected one. Check it")
        digests = {*shards, *(held[slot] for slot in slots)}
        count = destroy_keys(vault, digests, force)
        # By slot: the digest of a genome that is erased one day must stand in no log.
        named = sorted(slot for slot, shard in held.items() if shard in digests)
        _log(vault, _root_of(vault), "destroy_key", f"{count} data keys; slots {named}")
    click.echo(f"{folder}: {count} keys destroyed", err=True)


def _rotate_master(vault: Vault, root: Root | None, to: str | None) -> None:
    from wgs_pipeline.vault.rotation import rotate_master

    with vault.compacting(), vault.lease():
        done = rotate_master(vault, to)
    vault.scrub()
    _log(vault, root, "rotate", "master key")
    click.echo(f"{vault.path}: {done.secrets} keys are under the key of {done.source}", err=True)
    if done.left is not None:
        click.echo(f"{done.left}: is of no use any more; destroy it", err=True)


def _rotate_identity(vault: Vault, root: Root | None) -> None:
    from wgs_pipeline.ngd.key_care import rotate_identity

    if root is None:
        raise _homeless(vault)
    made = rotate_identity(root, vault)
    _log(vault, root, "rotate", "identity")
    said = "has a new public key" if made else "has its new public key now"
    click.echo(
        f"{root.path}: {said}; run 'wgs vault rotate --finish' when nothing that began before is "
        "being loaded any more",
        err=True,
    )


def _opened(folder: Path, key_file: Path | None) -> Vault:
    from wgs_pipeline.vault import Vault

    return Vault(folder, _given(key_file, None))


def _given(key_file: Path | None, source: str | None) -> KeySource | None:
    from wgs_pipeline.vault import master

    if key_file is not None and source is not None:
        raise click.UsageError("give either --key-file or --key")
    if key_file is not None:
        return master.key_file(key_file)
    if source is None:
        return None
    named = master.source_named(source, Path.cwd())
    return master.key_file(named.path) if isinstance(named, master.FileKey) else named


def _root_of(vault: Vault) -> Root | None:
    """The database of a vault; None for a vault that has none yet."""
    from wgs_pipeline.ngd.home import home_of
    from wgs_pipeline.ngd.layout import Root

    home = home_of(vault)
    return None if home is None else Root.open(home)


def _homeless(vault: Vault) -> NgdError:
    return NgdError(
        f"{vault.path}: belongs to no database yet, so nothing is sealed to its identity; expected "
        "the vault of a database. Run 'wgs ngd init' first"
    )


def _log(vault: Vault, root: Root | None, action: str, reason: str) -> None:
    if root is not None:
        from wgs_pipeline.ngd.key_care import log

        log(root, vault, action, reason)
