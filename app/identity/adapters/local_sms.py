"""Text messages that stay in the house: a table, shown on a page in development."""

from __future__ import annotations

from app.core.work import Work
from app.identity.models import SmsOutbox

__all__ = ["PURPOSE", "LocalSms"]

PURPOSE = "sms-outbox"


class LocalSms:
    """Keep messages, encrypted, in the table `sms_outbox`; needs no gateway and no network."""

    def send(self, work: Work, *, phone: str, text: str) -> None:
        """Keep one message."""
        work.session.add(
            SmsOutbox(
                phone_enc=work.vault.encrypt(phone, purpose=PURPOSE),
                text_enc=work.vault.encrypt(text, purpose=PURPOSE),
                sent_at=work.now,
            )
        )
        work.session.flush()
