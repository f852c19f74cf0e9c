"""A real IMAP server over three messages in memory, in a process of its own: `python imap_server.py` prints its port."""

from io import BytesIO
from typing import Any

from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.portal import Portal
from twisted.internet import reactor
from twisted.internet.protocol import ServerFactory
from twisted.mail import imap4
from zope.interface import implementer


@implementer(imap4.IMailbox, imap4.IMessageCopier)
class Folder:
    """Messages in memory, as twisted's server wants them."""

    def __init__(self, *texts: bytes) -> None:
        self.texts = dict(enumerate(texts, 1))
        self.flags: dict[int, list[str]] = {uid: [] for uid in self.texts}
        self.listeners: list[Any] = []

    def getUIDValidity(self) -> int:
        return 1

    def getUIDNext(self) -> int:
        return max(self.texts, default=0) + 1

    def getUID(self, number: int) -> int:
        return sorted(self.texts)[number - 1]

    def getMessageCount(self) -> int:
        return len(self.texts)

    def getRecentCount(self) -> int:
        return 0

    def getUnseenCount(self) -> int:
        return 0

    def isWriteable(self) -> bool:
        return True

    def destroy(self) -> None:
        raise NotImplementedError

    def requestStatus(self, names: Any) -> Any:
        return imap4.statusRequestHelper(self, names)

    def getFlags(self) -> list[str]:
        return ["\\Deleted"]

    def getHierarchicalDelimiter(self) -> str:
        return "/"

    def addListener(self, listener: Any) -> None:
        self.listeners.append(listener)

    def removeListener(self, listener: Any) -> None:
        self.listeners.remove(listener)

    def addMessage(self, message: Any, flags: Any = (), date: Any = None) -> int:
        uid = self.getUIDNext()
        self.texts[uid], self.flags[uid] = message.read(), []
        return uid

    def copy(self, message: Any) -> int:
        return self.addMessage(message.getBodyFile())

    def expunge(self) -> list[int]:
        gone = [uid for uid, flags in self.flags.items() if "\\Deleted" in flags]
        numbers = [sorted(self.texts).index(uid) + 1 for uid in gone]
        for uid in gone:
            del self.texts[uid], self.flags[uid]
        return numbers

    def fetch(self, wanted: Any, uid: Any) -> list[tuple[int, Any]]:
        wanted.last = self.getUIDNext() if uid else len(self.texts)
        return [
            (number, Message(self, key))
            for number, key in enumerate(sorted(self.texts), 1)
            if (key if uid else number) in wanted
        ]

    def store(self, wanted: Any, flags: Any, mode: int, uid: Any) -> dict[int, list[str]]:
        for _, message in self.fetch(wanted, uid):
            self.flags[message.uid] += flags
        return {}


@implementer(imap4.IMessage, imap4.IMessageFile)
class Message:
    def __init__(self, folder: Folder, uid: int) -> None:
        self.folder, self.uid = folder, uid

    def getUID(self) -> int:
        return self.uid

    def getFlags(self) -> list[str]:
        return self.folder.flags[self.uid]

    def getInternalDate(self) -> str:
        return "Wed, 02 Nov 2016 09:30:00 +0000"

    def getHeaders(self, negate: bool, *names: str) -> dict[str, str]:
        return {}

    def getBodyFile(self) -> BytesIO:
        return BytesIO(self.folder.texts[self.uid])

    def getSize(self) -> int:
        return len(self.folder.texts[self.uid])

    def isMultipart(self) -> bool:
        return False

    def open(self) -> BytesIO:
        return self.getBodyFile()


class Account(imap4.MemoryAccount):
    def _emptyMailbox(self, name: str, id: int) -> Folder:  # noqa: A002
        return Folder()


class Realm:
    def __init__(self, account: Account) -> None:
        self.account = account

    def requestAvatar(self, avatar: Any, mind: Any, *interfaces: Any) -> Any:
        return imap4.IAccount, self.account, lambda: None


class Factory(ServerFactory):
    def __init__(self, portal: Portal) -> None:
        self.portal = portal

    def buildProtocol(self, address: Any) -> Any:
        server = imap4.IMAP4Server()
        server.portal, server.factory = self.portal, self
        return server


def main() -> None:
    account = Account("retours")
    account.addMailbox("Retours", Folder(*(f"Subject: {n}\r\n\r\n{n}\r\n".encode() for n in (1, 2, 3))))
    checker = InMemoryUsernamePasswordDatabaseDontUse(**{"retours@x": b"mot de passe"})
    port = reactor.listenTCP(0, Factory(Portal(Realm(account), [checker])), interface="127.0.0.1")  # type: ignore[attr-defined]
    print(port.getHost().port, flush=True)
    reactor.run()  # type: ignore[attr-defined]


if __name__ == "__main__":
    main()
