"""E-mail over SMTP; a message's own key is its Message-ID, so that a second try is seen as the same mail."""

from dataclasses import dataclass
from email.message import EmailMessage

import aiosmtplib

from services.care.channels.wording import Words


class MailDeferredError(Exception):
    """The mail server does not take this message now."""


class MailRefusedError(Exception):
    """The mail server will never take this message: the address or the message is not acceptable."""


class MailUnavailableError(ConnectionError):
    """The mail server serves nobody, or not us: that says nothing about this message."""


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mail is handed in."""

    host: str
    port: int
    sender: str
    username: str = ""
    password: str = ""
    starttls: bool = False
    timeout_seconds: float = 10.0


_PERMANENT = range(500, 600)
_CLOSING = 421


async def send(server: MailServer, to: str, words: Words, key: str) -> None:
    """Hand in one mail.

    Raises MailRefusedError when trying again is useless, MailUnavailableError or another OSError while the server is
    away, else MailDeferredError.
    """
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = server.sender, to, words.subject
    mail["Message-ID"] = f"<{key}@care.doorstep>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(words.body)
    try:
        await aiosmtplib.send(
            mail,
            hostname=server.host,
            port=server.port,
            username=server.username or None,
            password=server.password or None,
            start_tls=server.starttls,
            timeout=server.timeout_seconds,
        )
    except aiosmtplib.SMTPRecipientsRefused as error:
        if all(refused.code in _PERMANENT for refused in error.recipients):
            raise MailRefusedError("; ".join(_without(to, refused) for refused in error.recipients)) from None
        raise MailDeferredError("; ".join(_without(to, refused) for refused in error.recipients)) from None
    except (aiosmtplib.SMTPConnectResponseError, aiosmtplib.SMTPAuthenticationError) as error:
        raise MailUnavailableError(_without(to, error)) from None
    except aiosmtplib.SMTPResponseException as error:
        if error.code == _CLOSING:
            raise MailUnavailableError(_without(to, error)) from None
        if error.code in _PERMANENT:
            raise MailRefusedError(_without(to, error)) from None
        raise MailDeferredError(_without(to, error)) from None


def _without(address: str, answer: aiosmtplib.SMTPResponseException) -> str:
    """Give a server's answer without the address, which servers repeat and we do not keep."""
    return f"{answer.code} {answer.message}".replace(address, "the recipient")
