"""What driver and bridge say to each other, and an outpost to the bridge: frozen records, msgspec-encoded."""

from __future__ import annotations

import msgspec

from archsearch.tasks import TaskSource


class Luggage(msgspec.Struct, frozen=True):
    """The files of tasks, which travel to each node once.

    Attributes:
        folder: The data folder on the driver's machine; None where no folder was named.
        data: The files in it by their names.
        sources: Where the files of users' own tasks lie on the driver's machine, by the tasks' names.
        contents: What those files hold, by the same names.
    """

    folder: str | None
    data: dict[str, bytes]
    sources: dict[str, TaskSource]
    contents: dict[str, bytes]


class Begin(msgspec.Struct, frozen=True, tag=True):
    """Asks for a cluster, and for actors on all of its nodes.

    Attributes:
        address: HOST:PORT of its head; empty for one of our own on this machine alone.
        device: "auto" for GPUs where there are some, else CPU cores; "cpu".
        workers: How many at most; None for one per core or GPU.
        cores: How many cores a cluster of our own has.
        version: The driver's archsearch; another one is refused.
        luggage: The files of tasks.
    """

    address: str
    device: str
    workers: int | None
    cores: int
    version: str
    luggage: Luggage


class Errand(msgspec.Struct, frozen=True, tag=True):
    """A request for a worker.

    Attributes:
        number: The worker's.
        request: As `workers.messages` encodes it.
    """

    number: int
    request: bytes


class Dismiss(msgspec.Struct, frozen=True, tag=True):
    """Ends a worker.

    Attributes:
        number: The worker's.
        replaced: Whether another one takes its place.
    """

    number: int
    replaced: bool = True


class Joined(msgspec.Struct, frozen=True, tag=True):
    """The bridge has a cluster.

    Attributes:
        address: Of its head.
        workers: How many workers will be on it.
    """

    address: str
    workers: int


class Placed(msgspec.Struct, frozen=True, tag=True):
    """A worker is started.

    Attributes:
        number: Its number; none is ever used again.
        node: The node's address.
        device: "cpu" or "cuda:0", as its node numbers what it was given.
    """

    number: int
    node: str
    device: str


class Bulletin(msgspec.Struct, frozen=True):
    """What an outpost has heard of its worker process.

    Attributes:
        messages: What it said, as `workers.messages` encodes it.
        ended: Whether it says nothing more until it is asked.
        death: Why its process ended in a request; empty if it did not. A fresh one has its place.
        refusal: Why there can be no worker there; empty if there can.
        exit_code: That of the error which the refusal is.
    """

    messages: list[bytes]
    ended: bool
    death: str = ""
    refusal: str = ""
    exit_code: int = 0


class Word(msgspec.Struct, frozen=True, tag=True):
    """A worker has said something.

    Attributes:
        number: The worker's.
        bulletin: What.
    """

    number: int
    bulletin: Bulletin


class Gone(msgspec.Struct, frozen=True, tag=True):
    """A worker is lost with its actor or its node.

    Attributes:
        number: The worker's.
        cause: Why, in words.
    """

    number: int
    cause: str


class Note(msgspec.Struct, frozen=True, tag=True):
    """Something that people should read.

    Attributes:
        text: What.
    """

    text: str


class Lost(msgspec.Struct, frozen=True, tag=True):
    """There is no cluster, or no more.

    Attributes:
        text: Why.
        refused: Whether it never was, for what the person asked for.
    """

    text: str
    refused: bool = False


ToBridge = Begin | Errand | Dismiss
FromBridge = Joined | Placed | Word | Gone | Note | Lost

encode = msgspec.msgpack.Encoder().encode
decode_for_bridge = msgspec.msgpack.Decoder(ToBridge).decode
decode_from_bridge = msgspec.msgpack.Decoder(FromBridge).decode
decode_bulletin = msgspec.msgpack.Decoder(Bulletin).decode
decode_luggage = msgspec.msgpack.Decoder(Luggage).decode
