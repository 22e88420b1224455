"""The settings of one server are written: intent, DRS's part, the template's part, read back, record.

Each step may be made again, so that whoever comes after a crash begins anew with what AWS has by then. DRS's part comes
first, because UpdateLaunchConfiguration writes a template version itself; ours is based on that one.
"""

from __future__ import annotations

from dataclasses import replace

from drs_operator.planning import ids
from drs_operator.planning.facts import Place
from drs_operator.planning.launch_checks import network, question
from drs_operator.planning.launch_settings import (
    Actual,
    DrsSettings,
    SettingsRecord,
    TemplateSettings,
    Wanted,
    differences,
    drs_change,
    template_change,
)
from drs_operator.ports import Access, ReadFailed
from drs_operator.reconcilers.context import Context

TOKEN_LENGTH = 32


async def mend(
    context: Context, owner_id: str, access: Access, place: Place, server_id: str, wanted: Wanted, actual: Actual
) -> None:
    """Makes AWS have what is wanted, and records that it has. Raises ReadFailed, LostRace.

    Nothing is written to AWS when nothing differs, and nothing to the ledger when that is known already.
    """
    book, cloud, region = context.settings, context.launch_settings, place.region
    before = book.record(place, server_id)
    if before is not None and before.template_id != actual.template_id:
        before = None  # DRS has made another template
    record = SettingsRecord(
        place=place,
        server_id=server_id,
        group_id=owner_id,
        installation=context.installation,
        template_id=actual.template_id,
        earlier_version=before.earlier_version if before else actual.default_version,
        verified_version=before.verified_version if before else 0,
        settings=before.settings if before else "",
    )
    if differences(wanted, actual):
        await _check_kept_groups(context, access, region, wanted, actual)
        await book.keep(replace(record, writing=wanted.version))
        if (change := drs_change(wanted, actual)) != DrsSettings():
            await cloud.change_drs(access, region, server_id, change)
            actual = await cloud.actual(access, region, server_id)
        if (part := template_change(wanted, actual)) != TemplateSettings():
            token = ids.digest({"template": actual.template_id, "base": actual.default_version, "to": wanted.version})
            version = await cloud.add_version(access, region, actual, part, token[:TOKEN_LENGTH])
            await cloud.move_default(access, region, actual.template_id, version)
            actual = await cloud.actual(access, region, server_id)
        book.saw(place, server_id, actual)
        if left := differences(wanted, actual):
            raise ReadFailed("SYNC_FAILED", f"written, but AWS still has {'; '.join(left)}; it is tried again")
    await book.keep(replace(record, verified_version=actual.default_version, settings=wanted.version, writing=None))


async def _check_kept_groups(context: Context, access: Access, region: str, wanted: Wanted, actual: Actual) -> None:
    """Security groups that the template keeps must be of the VPC that the server moves to. Raises ReadFailed."""
    kept = actual.template.security_group_ids
    if wanted.template.subnet_id is None or wanted.template.security_group_ids is not None or not kept:
        return
    implied = replace(wanted.template, security_group_ids=kept)
    terrain = await context.launch_settings.terrain(access, region, question([Wanted(template=implied)]))
    for failure in network(implied, terrain, region):
        message = f"the launch template keeps its security groups, since none are set here: {failure.message}"
        raise ReadFailed(failure.code, message)
