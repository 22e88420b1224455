"""No credential and no external id in any log, message or repr, whatever goes wrong and however much is logged."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
import traceback
from dataclasses import replace

import pytest

from drs_operator.ports import Access, ReadFailed
from tests.contract.operator_aws.setting import EAST, EXTERNAL_ID, PRODUCTION, RUN, Setting, intent, web
from tests.contract.simulated_aws import HUB_CREDENTIALS

WRONG = "a-wrong-and-private-id"
MALFORMED = "a-malformed-and-private-id\n"
STORY = """
import asyncio, sys
from dataclasses import replace
from drs_operator.observability import logs
from drs_operator.observability.logs import log
from drs_operator.ports import ReadFailed
from tests.contract.operator_aws.setting import EAST, PRODUCTION, READ, RUN, intent, web
from drs_operator.aws.cloud import BotoCloud
from drs_operator.aws.sessions import Sessions

async def main():
    logs.configure(sys.argv[1], "DEBUG")
    cloud = BotoCloud(Sessions(READ), 60, 5)
    log.info("entering", access=PRODUCTION, external_id=PRODUCTION.external_id)
    await cloud.report(PRODUCTION, EAST)
    await cloud.start_recovery(RUN, EAST, intent(web(1)), True, {})
    for external_id in sys.argv[2:]:
        try:
            await cloud.inventory(replace(PRODUCTION, external_id=external_id), EAST)
        except ReadFailed:
            log.exception("not entered")

asyncio.run(main())
"""


def _secrets(setting: Setting) -> list[str]:
    """All that must not be seen; the sessions' own secrets are whatever the adapter holds."""
    held = []
    accounts = [a for sessions in (setting.shared, *setting.opened) for a in sessions._accounts.values()]
    for account in accounts:
        if account.session is not None:
            frozen = account.session.get_credentials()._frozen_credentials  # as they are: asking would renew them
            held += [frozen.secret_key, frozen.token]
    return [EXTERNAL_ID, WRONG, MALFORMED.strip(), HUB_CREDENTIALS["aws_secret_access_key"], *filter(None, held)]


def test_an_access_does_not_show_its_external_id() -> None:
    assert EXTERNAL_ID not in repr(PRODUCTION) + str(PRODUCTION) + f"{PRODUCTION}"
    assert "external" not in repr(Access("a", "1", "r", "x"))


@pytest.mark.parametrize("external_id", [WRONG, MALFORMED, "é" * 3])
async def test_refused_roles_say_nothing_of_the_external_id(setting: Setting, external_id: str) -> None:
    """Neither in the message nor in the traceback that a log would show."""
    with pytest.raises(ReadFailed) as failed:
        await setting.cloud().inventory(replace(PRODUCTION, external_id=external_id), EAST)
    shown = "".join(traceback.format_exception(failed.value)) + repr(failed.value) + repr(failed.value.__cause__)
    assert external_id.strip() not in shown


async def test_an_error_of_sts_that_repeats_the_external_id_is_not_passed_on(setting: Setting) -> None:
    text = f"1 validation error detected: Value '{EXTERNAL_ID}' at 'externalId' failed to satisfy constraint"
    setting.inject("AssumeRole", "error", code="ValidationError", message=text)
    with pytest.raises(ReadFailed) as failed:
        await setting.cloud(setting.sessions()).inventory(PRODUCTION, EAST)
    assert EXTERNAL_ID not in "".join(traceback.format_exception(failed.value))


async def test_a_failed_renewal_is_logged_without_secrets(setting: Setting, caplog: pytest.LogCaptureFixture) -> None:
    """botocore logs it itself, with a traceback."""
    caplog.set_level(logging.INFO)
    setting.aws.set_speed(3600)
    cloud = setting.cloud(setting.sessions())
    await cloud.inventory(PRODUCTION, EAST)
    setting.inject("AssumeRole", "error", code="AccessDenied", message=f"wrong external id {EXTERNAL_ID}")
    async with asyncio.timeout(30):
        while "Refreshing temporary credentials failed" not in caplog.text:
            await asyncio.gather(cloud.recovery_points(PRODUCTION, EAST, web(1)), return_exceptions=True)
    assert [secret for secret in _secrets(setting) if secret in caplog.text] == []


async def test_nothing_that_the_adapter_keeps_shows_a_secret(setting: Setting) -> None:
    sessions = setting.shared
    cloud = setting.cloud()
    await cloud.report(PRODUCTION, EAST)
    setting.inject("StartRecovery", "error", code="AccessDeniedException", times=1)
    answer = await cloud.start_recovery(RUN, EAST, intent(web(1)), True, {})
    shown = repr(vars(cloud)) + repr(vars(sessions)) + repr([vars(a) for a in sessions._accounts.values()])
    shown += repr(answer)
    assert [secret for secret in _secrets(setting) if secret in shown] == []


@pytest.mark.parametrize("form", ["json", "text"])
def test_the_logs_of_a_process_that_logs_everything(setting: Setting, form: str) -> None:
    setting.inject("StartRecovery", "error", code="AccessDeniedException")
    story = subprocess.run(
        [sys.executable, "-c", STORY, form, WRONG, MALFORMED], capture_output=True, text=True, check=True, timeout=60
    )
    shown = story.stdout + story.stderr
    assert "not entered" in shown, "it did log"
    assert [secret for secret in _secrets(setting) if secret in shown] == []
    assert "SecretAccessKey" not in shown
    assert "SessionToken" not in shown
    assert "Authorization" not in shown
