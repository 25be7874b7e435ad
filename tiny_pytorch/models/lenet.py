"""LeNet: convolutions with pooling between them, then fully connected layers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .. import nn
from ..tensor import Tensor
from .mlp import MLP

__all__ = ["LeNet"]


class LeNet(nn.Module):
    """``y = classifier(flatten(features(x)))``, with ``x = max_pool(act(W_i * x + b_i))`` for each layer of features.

    The defaults are LeNet-5 with rectifiers and max-pooling, as it is written today: 61,706 parameters.

    Parameters
    ----------
    num_classes : int, default 10
        Features of the output.
    in_channels : int, default 1
        Channels of the image.
    image_size : int or pair of ints, default 32
        Height and width of the image.
    channels : sequence of ints, default (6, 16)
        Of each convolution. Each is followed by the activation and by a pooling that halves height and width.
    hidden : sequence of ints, default (120, 84)
        Widths of the fully connected layers before the last.
    kernel_size : int, default 5
        Of every convolution.
    padding : int, default 0
        Zeros around the input of every convolution; half the kernel keeps height and width.
    activation : callable, default nn.ReLU
        Makes the module behind each layer but the last.
    batch_norm : bool, default False
        Whether each convolution is followed by batch normalisation.
    dropout : float, default 0.0
        Probability of a unit of the fully connected hidden layers to be dropped in training.

    Raises
    ------
    ValueError
        If the image is too small for so many layers.

    Notes
    -----
    Input (N, in_channels, height, width), output (N, num_classes): logits.

    A convolution from a to b channels has ``b (k^2 a + 1)`` parameters (and 2 b with batch normalisation), a fully
    connected layer from a to b features ``b (a + 1)``.

    References
    ----------
    Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning applied to document recognition",
    Proceedings of the IEEE 86 (1998). There the second convolution is not connected to all channels, and the pooling
    is a trained average.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> model = tp.models.LeNet(image_size=28, channels=(32, 64), hidden=(128,), kernel_size=3, padding=1)
    >>> model(tp.ones(64, 1, 28, 28)).shape, sum(p.numel() for p in model.parameters())
    ((64, 10), 421642)
    """

    def __init__(
        self,
        num_classes: int = 10,
        in_channels: int = 1,
        image_size: int | tuple[int, int] = 32,
        channels: Sequence[int] = (6, 16),
        hidden: Sequence[int] = (120, 84),
        kernel_size: int = 5,
        padding: int = 0,
        activation: Callable[[], nn.Module] = nn.ReLU,
        batch_norm: bool = False,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        shrink = kernel_size - 1 - 2 * padding
        height, width = (image_size, image_size) if isinstance(image_size, int) else image_size
        layers: list[nn.Module] = []
        before = in_channels
        for after in channels:
            layers.append(nn.Conv2d(before, after, kernel_size, padding=padding))
            if batch_norm:
                layers.append(nn.BatchNorm2d(after))
            layers += [activation(), nn.MaxPool2d(2)]
            before, height, width = after, (height - shrink) // 2, (width - shrink) // 2
            if min(height, width) < 1:
                raise ValueError(
                    f"LeNet: an image of size {image_size} is too small for {len(channels)} convolutions of kernel "
                    f"size {kernel_size} and padding {padding}, each with a pooling by 2; use fewer, or more padding"
                )
        self.features = nn.Sequential(*layers)
        self.flatten = nn.Flatten()
        self.classifier = MLP([before * height * width, *hidden, num_classes], activation, dropout)

    def forward(self, input: Tensor) -> Tensor:
        return self.classifier(self.flatten(self.features(input)))
