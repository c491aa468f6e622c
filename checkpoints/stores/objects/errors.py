"""What an object store's server answers, as this package's own errors."""

from __future__ import annotations

import re

from checkpoints.errors import PermanentStoreError, StoreError, TransientStoreError

_STATUS = re.compile(r"status code: (\d{3})")
_CODE = re.compile(r"<Code>([\w.]+)</Code>")
_NO_BUCKET = ("NoSuchBucket", "ContainerNotFound", "The specified bucket does not exist")
_METADATA = ("169.254.169.254", "metadata.google.internal", "169.254.170.2")
_BUSY = {408, 409, 425, 429}
_FULL = ("StorageFull", "QuotaExceeded", "InsufficientStorage")
_CREDENTIALS = (
    "credentials are taken from the environment (AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, "
    "GOOGLE_APPLICATION_CREDENTIALS, AZURE_STORAGE_ACCOUNT_NAME and _KEY) or "
    "from the machine's role"
)


def is_missing_bucket(error: Exception) -> bool:
    """Say whether an error means that there is no such bucket, rather than no such object."""
    return any(sign in str(error) for sign in _NO_BUCKET)


def misconfigured(url: str, error: Exception) -> PermanentStoreError:
    """Return the error for a bucket that cannot even be asked."""
    reason = str(error).partition("\n")[0]
    return PermanentStoreError(
        f"{url} cannot be opened: {reason}; {_CREDENTIALS}. Nothing was changed"
    )


def translated(url: str, error: Exception) -> StoreError:
    """Return the error of this package that says the same."""
    text = str(error)
    status = int(found[1]) if (found := _STATUS.search(text)) else None
    code = found[1] if (found := _CODE.search(text)) else None
    answer = f"the server answered {status or 'with an error'}{f' ({code})' if code else ''}"
    for applies, message in _permanent(error, status, text):
        if applies:
            return PermanentStoreError(f"{url}: {message.format(answer=answer)}")
    if status is None:
        return TransientStoreError(
            f"{url}: the server does not answer ({_reason(text)}); what was acknowledged is safe, "
            "try again"
        )
    return TransientStoreError(
        f"{url}: {answer}; it is busy or down. What was acknowledged is safe, try again"
    )


def _permanent(error: Exception, status: int | None, text: str) -> list[tuple[bool, str]]:
    """Return what may be wrong for good, the most telling first, and the sentence for each."""
    refused = status in (401, 403) or type(error).__name__ in {
        "PermissionDeniedError",
        "UnauthenticatedError",
    }
    return [
        (is_missing_bucket(error), "there is no such bucket; create it. Nothing was saved"),
        (
            (status or 0) < 500
            and (any(host in text for host in _METADATA) or "credential" in text.lower()),
            f"no credentials were found; {_CREDENTIALS}. Nothing was changed",
        ),
        (refused, f"{{answer}}, this may not be done; {_CREDENTIALS}. Nothing was changed"),
        (
            status in (301, 307, 400) and "region" in text.lower(),
            "{answer}; name the bucket's region with ?region=. Nothing was changed",
        ),
        (any(sign in text for sign in _FULL), "{answer}: it is full. Nothing was saved"),
        (
            status is not None and status < 500 and status not in _BUSY,
            "{answer} and would again; check bucket and endpoint. Nothing was changed",
        ),
    ]


def _reason(text: str) -> str:
    """Return the first line of a message, without the request's address."""
    return text.partition("\n")[0].rpartition(" - ")[2][:200]
