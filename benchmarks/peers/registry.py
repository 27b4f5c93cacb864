"""Which peers there are. Importing it imports none of their packages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.peers import (
    with_autogluon,
    with_fastai,
    with_figsight,
    with_keras,
    with_sklearn,
    with_torch,
)

if TYPE_CHECKING:
    from benchmarks.peers.tasks import Peer

PEERS: dict[str, Peer] = {
    peer.name: peer
    for peer in (
        *with_figsight.PEERS,
        *with_fastai.PEERS,
        *with_torch.PEERS,
        *with_sklearn.PEERS,
        *with_autogluon.PEERS,
        *with_keras.PEERS,
    )
}
# All others are compared with this one.
OURS = with_figsight.PEERS[0].name


def choose(words: str | None) -> list[tuple[Peer, str]]:
    """Return the peers and settings that ``PEER,PEER:SETTING,...`` names; all of them for None.

    Raises:
        ValueError: A name is unknown.
    """
    if words is None:
        return [(peer, setting) for peer in PEERS.values() for setting in peer.settings]
    chosen: list[tuple[Peer, str]] = []
    for word in words.split(","):
        name, _, setting = word.strip().partition(":")
        peer = PEERS.get(name)
        if peer is None:
            raise ValueError(f"--only: expected some of {', '.join(PEERS)}, found {name!r}")
        if setting and setting not in peer.settings:
            have = ", ".join(peer.settings)
            raise ValueError(f"--only: {name} has the settings {have}, found {setting!r}")
        pairs = [(peer, one) for one in ((setting,) if setting else peer.settings)]
        chosen += [pair for pair in pairs if pair not in chosen]
    return chosen
