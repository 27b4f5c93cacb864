"""The loop of PyTorch's transfer-learning tutorial on the shared network and weights.

Its settings: batches of 4, SGD at 1e-3 with momentum 0.9, a tenth of it every 7 epochs, 25 epochs,
``RandomResizedCrop(224)`` and mirroring, ``Resize(256)`` and ``CenterCrop(224)`` for asking, 4 loading
processes; fine-tuned, or with everything but the head frozen. Pixels are scaled as the weights want.

It differs in one thing: the tutorial delivers the epoch that was best on the photos that it then
reports on. Here the last epoch answers, and nothing is chosen on held-out photos.
"""

from __future__ import annotations

from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

from benchmarks.peers.tasks import Peer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.peers.tasks import Run, Task

EPOCHS = 25


class Pictures:
    """Photos and labels as torch's loader wants them.

    Args:
        paths: The photos.
        labels: The class of each.
        change: From an open picture to a tensor.
    """

    def __init__(self, paths: Sequence[str], labels: Sequence[int], change: Any) -> None:
        self._pairs = list(zip(paths, labels, strict=True))
        self._change = change

    def __len__(self) -> int:
        return len(self._pairs)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        from PIL import Image

        path, label = self._pairs[index]
        with Image.open(path) as picture:
            return self._change(picture.convert("RGB")), label


def load_network(task: Task, *, head: bool) -> Any:
    """Return timm's network with the starting weights; its head is a new linear layer, or none."""
    torch: Any = import_module("torch")
    timm: Any = import_module("timm")
    weights: Any = import_module("safetensors.torch")
    network = timm.create_model(task.backbone, num_classes=0)
    network.load_state_dict(weights.load_file(task.weights))
    if head:
        # As the tutorial does it; timm's own head would start from larger weights, and slower.
        network.classifier = torch.nn.Linear(network.num_features, len(task.classes))
    return network


def train(run: Run, *, frozen: bool) -> list[int] | None:
    """Train as the tutorial does."""
    torch: Any = import_module("torch")
    transforms: Any = import_module("torchvision.transforms")
    task = run.task
    torch.manual_seed(task.seed)
    network = load_network(task, head=True)
    how = network.default_cfg
    end = [transforms.ToTensor(), transforms.Normalize(how["mean"], how["std"])]
    varied = [transforms.RandomResizedCrop(224), transforms.RandomHorizontalFlip()]
    plain = [transforms.Resize(256), transforms.CenterCrop(224)]
    train_set, held_set = (
        Pictures(paths, labels, transforms.Compose([*change, *end]))
        for paths, labels, change in (
            (task.train, task.train_labels, varied),
            (task.held, task.held_labels, plain),
        )
    )
    loader = torch.utils.data.DataLoader(train_set, batch_size=4, shuffle=True, num_workers=4)
    asking = torch.utils.data.DataLoader(held_set, batch_size=4, num_workers=4)
    if frozen:
        for parameter in network.parameters():
            parameter.requires_grad = False
        for parameter in network.classifier.parameters():
            parameter.requires_grad = True
    learning = network.classifier.parameters() if frozen else network.parameters()
    optimizer = torch.optim.SGD(learning, lr=0.001, momentum=0.9)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=7, gamma=0.1)
    loss_of = torch.nn.CrossEntropyLoss()
    predicted: list[int] = []
    run.begin(EPOCHS)
    for _ in range(EPOCHS):
        network.train()
        for pixels, labels in loader:
            optimizer.zero_grad()
            loss_of(network(pixels), labels).backward()
            optimizer.step()
        scheduler.step()
        with run.clock.paused():
            predicted = ask(network, asking)
        run.mark(run.share_right(predicted))
        if run.is_enough:
            return None
    return predicted


def ask(network: Any, loader: Any) -> list[int]:
    """Return the most probable class of each photo."""
    torch: Any = import_module("torch")
    network.eval()
    with torch.no_grad():
        return [int(one) for pixels, _ in loader for one in network(pixels).argmax(1)]


PEERS = tuple(
    Peer(
        name=name,
        title=title,
        about=f"The tutorial's loop ({what}): batches of 4, SGD 1e-3, 25 epochs. Same network and "
        "weights. Its last epoch answers, not the best one.",
        settings=("25-epochs",),
        train=partial(train, frozen=frozen),
        install="torch torchvision timm",
        headline="25-epochs",
    )
    for name, title, what, frozen in (
        ("torch-tuned", "PyTorch tutorial, fine-tuned", "everything learns", False),
        ("torch-frozen", "PyTorch tutorial, frozen", "only the head learns", True),
    )
)
