"""Sending SMS through a gateway over HTTP: `POST` of a JSON object `{"id", "to", "text"}` to one address.

The id lets the gateway know a repetition. Answers: 200 or 201 taken in charge, 4xx refused for good, anything else for
now. `SMS_URL` may carry a user and a password, sent as HTTP basic authentication; over https only.
"""

import uuid

import httpx

from backoffice.core.errors import Invalid, Unavailable

TIMEOUT_S = 8
_REFUSED = "Le SMS est refusé par l’opérateur : vérifiez le numéro."
_AWAY = "L’envoi de SMS est momentanément indisponible : réessayez dans quelques minutes."


class SmsDoubtful(Unavailable):
    """No answer came: the SMS may have been taken in charge."""


class SmsGateway:
    """One gateway; safe to share between threads."""

    def __init__(self, url: str) -> None:
        """Raises ValueError when the address is not http(s), or would send a password in clear."""
        parts = httpx.URL(url)
        if parts.scheme not in ("http", "https") or not parts.host:
            raise ValueError("the gateway's address is http:// or https:// and a host")
        if parts.password and parts.scheme == "http":
            raise ValueError("a password never travels in clear: use https://")
        self._url = parts
        self._client = httpx.Client(timeout=TIMEOUT_S, trust_env=False, follow_redirects=False)

    def send(self, to: str, text: str, request: str = "") -> None:
        """Hand over one SMS to `to` (E.164), under the id `request` or a new one.

        Raises Invalid (refused for good) and Unavailable (try again later; SmsDoubtful when no answer came).
        """
        try:
            answer = self._client.post(self._url, json={"id": request or str(uuid.uuid4()), "to": to, "text": text})
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise Unavailable(_AWAY) from error
        except httpx.HTTPError as error:
            raise SmsDoubtful(_AWAY) from error
        if answer.is_success:
            return
        if answer.is_client_error and answer.status_code not in (401, 403, 407, 408, 429):
            raise Invalid(_REFUSED)
        raise Unavailable(_AWAY)

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()
