"""The embedded mail server keeps whatever a mail client sends."""

from email.message import EmailMessage
from pathlib import Path

import aiosmtplib
import pytest

from deploy.local import broker, mailbox, ports
from deploy.local.processes import Child
from tests.waiting import wait_until


async def test_a_message_is_kept_as_a_file_with_its_dots(tmp_path: Path) -> None:
    port = ports.reserve()
    child = Child(mailbox.command(port, tmp_path / "mail", tmp_path / "log"))
    try:
        await child.wait_ready(lambda: broker.is_ready(port), 30)
        for number in (1, 2):
            message = EmailMessage()
            message["From"], message["To"], message["Subject"] = "care@doorstep.test", "ann@example.test", "Late"
            message.set_content(f"Number {number}\n.hidden\n")
            await aiosmtplib.send(message, hostname="127.0.0.1", port=port, start_tls=False)
        kept = sorted((tmp_path / "mail").glob("*.eml"))
        assert [path.name for path in kept] == ["000001.eml", "000002.eml"]
        assert "Number 2\r\n.hidden\r\n" in kept[1].read_bytes().decode()
    finally:
        await child.stop()


async def test_a_client_that_speaks_nonsense_disturbs_nobody(tmp_path: Path) -> None:
    port = ports.reserve()
    child = Child(mailbox.command(port, tmp_path / "mail", tmp_path / "log"))
    try:
        await child.wait_ready(lambda: broker.is_ready(port), 30)
        client = aiosmtplib.SMTP(hostname="127.0.0.1", port=port, start_tls=False)
        await client.connect()
        answer = await client.execute_command(b"FROB")
        assert answer.code == 502
        client.close()

        async def still_there() -> bool:
            return await broker.is_ready(port)

        await wait_until(still_there, what="the mailbox still answers")
    finally:
        await child.stop()
    assert child.return_code == 0, child.log_tail()


@pytest.mark.parametrize("name", ["000001", "000041"])
def test_numbers_go_on_after_a_restart(tmp_path: Path, name: str) -> None:
    (tmp_path / f"{name}.eml").write_text("old")
    assert mailbox.Mailbox(tmp_path).last == int(name)
