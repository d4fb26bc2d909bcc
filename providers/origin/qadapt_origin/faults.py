"""Faults: what went wrong with a request to Origin's cloud, from the words of the client or of the cloud.

pyQPanda3 raises RuntimeError for everything: curl's words for the network, ``... failed with status N: body`` for HTTP,
those of its JSON reader for an answer that is none, and otherwise the cloud's own message. All patterns were seen with
pyqpanda3 0.5.1; the cloud's messages are known in part only, so they are looked at for words.
"""

from __future__ import annotations

import re

from qadapt.errors import AccessError, JobFailedError, ProviderError, UnavailableError
from qadapt_origin.credentials import KEY

_STATUS = re.compile(r"QCloud HTTP request failed with status (\d+)")
_NETWORK = re.compile(r"curl_easy_\w+(\(\))? failed")
_NOT_SENT = re.compile(
    r"could(n't| not) resolve|failed to connect|could(n't| not) connect|connection refused|certificate|curl_easy_init",
    re.IGNORECASE,
)
"""curl never got as far as sending a request."""
_UNREADABLE = re.compile(
    r"^(The document |Invalid |Miss|Number too big|Incorrect hex|The surrogate|Terminate parsing|Unspecific syntax"
    r"|value is not |cannot take size|obj has no member|job_id is null|task_id is null|reasult json|unknown exception)",
)
"""Words of the client's JSON reader; an answer has come that it cannot read."""
_MALFORMED = re.compile(r"^(value is not (?!object)|cannot take size|obj has no member|reasult json)")
"""Those among them that say that the answer was JSON in form, with something else inside than there should be."""

_ACCESS = re.compile(
    r"api.?key|\btoken|unauthori[sz]|authenti|permission|credential|forbidden|not allowed|quota|balance|insufficient"
    r"|\blog ?in\b|密钥|认证|授权|权限|余额|登录",
    re.IGNORECASE,
)
_ABSENT = re.compile(r"not exist|not found|no such|unknown task|不存在", re.IGNORECASE)
_LATER = re.compile(
    r"maintenance|\bbusy|try again|\blater\b|calibrat|overload|too many (requests|tasks|jobs)|rate limit|unavailable"
    r"|offline|time[sd]? ?-?out|维护|繁忙|稍后|校准|超时",
    re.IGNORECASE,
)
_TIMEOUT = re.compile(r"time[sd]? ?-?out|超时", re.IGNORECASE)

_CHECK_KEY = f"check {KEY} and what the account may use"
_KEEP = "the job may exist; Origin's site lists the tasks of the account"


def unsent(error: Exception, *, provider: str) -> ProviderError:
    """What became of a submit that raised; ``doubtful`` unless the cloud has surely made no task of it.

    A refusal in the cloud's own words is no doubt, unless it speaks of a timeout.
    """
    words = str(error)
    message = f"pyqpanda3: {words or 'refused without a reason'}"
    if status := _STATUS.match(words):
        code = int(status[1])
        if code in (401, 403, 407):
            return AccessError(message, provider=provider, hint=_CHECK_KEY)
        if code == 429:
            return UnavailableError(message, provider=provider, doubtful=False)
        if code == 408 or code >= 500:
            return UnavailableError(message, provider=provider, hint=_KEEP, doubtful=True)
        return JobFailedError(message, provider=provider)
    if _NETWORK.match(words):
        sure = bool(_NOT_SENT.search(words))
        return UnavailableError(message, provider=provider, hint="" if sure else _KEEP, doubtful=not sure)
    if _UNREADABLE.match(words):
        message = f"the answer to the submit cannot be read: {words}"
        return UnavailableError(message, provider=provider, hint=_KEEP, doubtful=True)
    if _ACCESS.search(words):
        return AccessError(message, provider=provider, hint=_CHECK_KEY)
    if _LATER.search(words):
        return UnavailableError(message, provider=provider, doubtful=bool(_TIMEOUT.search(words)))
    return JobFailedError(message, provider=provider)


def unread(error: Exception, *, provider: str, job_id: str | None = None) -> ProviderError:
    """What to make of a question that raised: nothing is known, unless it is the key that was refused."""
    words = str(error)
    message = f"pyqpanda3: {words or 'no message'}"
    status = _STATUS.match(words)
    ours = not (status or _NETWORK.match(words) or _UNREADABLE.match(words))
    if (status and int(status[1]) in (401, 403, 407)) or (ours and _ACCESS.search(words)):
        return AccessError(message, provider=provider, job_id=job_id, hint=_CHECK_KEY)
    return UnavailableError(message, provider=provider, job_id=job_id)


def malformed(error: Exception) -> bool:
    """Whether the client found JSON with something else inside than there should be."""
    return bool(_MALFORMED.match(str(error)))


def answered(error: Exception) -> bool:
    """Whether the cloud has answered, if only with words that the client does not want."""
    return not (_STATUS.match(str(error)) or _NETWORK.match(str(error)))


def refused(words: str, *, provider: str, job_id: str) -> ProviderError:
    """What to make of a refused question about a task: an unknown task has failed, anything else says nothing of it."""
    message = f"Origin's cloud says: {words or 'nothing'}"
    if _ACCESS.search(words):
        return AccessError(message, provider=provider, job_id=job_id, hint=_CHECK_KEY)
    if _ABSENT.search(words):
        return JobFailedError(message, provider=provider, job_id=job_id)
    return UnavailableError(message, provider=provider, job_id=job_id)


def failed(words: str, *, provider: str, job_id: str) -> ProviderError:
    """What to make of a failed task: worth a new one where the cloud speaks of a passing state of the machine."""
    message = f"Origin's cloud says that the task failed: {words or 'without a reason'}"
    if _LATER.search(words):
        return UnavailableError(message, provider=provider, job_id=job_id, doubtful=False)
    return JobFailedError(message, provider=provider, job_id=job_id)
