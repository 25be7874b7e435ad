"""ResNet9: a residual network of eight convolutions that is quick to train."""

from __future__ import annotations

from .. import nn
from ..tensor import Tensor

__all__ = ["ResNet9"]


class ConvNorm(nn.Sequential):
    """``y = relu(batch_norm(W * x + b))``, padded so that stride 1 keeps height and width."""

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int = 3, stride: int = 1) -> None:
        super().__init__(
            nn.Conv2d(in_channels, out_channels, kernel_size, stride, padding=kernel_size // 2),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(),
        )


class ResNet9(nn.Module):
    """``y = classifier(mean(features(x)))``: two convolutions and a residual block of two more, twice.

    ========================  ==========================  ======  ========================================
    part                      channels (at width 16)      stride  size of an image of 32x32 behind it
    ========================  ==========================  ======  ========================================
    ``features.0``            3 to 16, kernel size 7      4       8x8
    ``features.1``            16 to 32                    2       4x4
    ``features.2``            32, two with a residual     1       4x4
    ``features.3``            32 to 64                    2       2x2
    ``features.4``            64 to 128                   2       1x1
    ``features.5``            128, two with a residual    1       1x1
    ``classifier``            128, to 128, to 10
    ========================  ==========================  ======  ========================================

    Each convolution is followed by batch normalisation and a rectifier.

    Parameters
    ----------
    num_classes : int, default 10
        Features of the output.
    in_channels : int, default 3
        Channels of the image.
    width : int, default 16
        Channels of the first convolution; the others have 2, 4 and 8 times as many.

    Notes
    -----
    Input (N, in_channels, height, width) of any size; the mean is over what is left of height and width, of 32x32 a
    single place. Output (N, num_classes): logits. The defaults have 431,946 parameters.

    In training, batch normalisation needs more than one value for each channel: of images up to 32x32, two or more.

    References
    ----------
    K. He, X. Zhang, S. Ren, J. Sun, "Deep residual learning for image recognition", 2015.

    The order of layers is that of D. Page's ResNet9 ("How to train your ResNet", 2018), which won Stanford's DAWNBench
    for CIFAR-10. This is its reduction from the course Deep Learning Systems (T. Chen and J. Z. Kolter, Carnegie Mellon
    University): strides in place of poolings, a quarter of the channels, one more linear layer.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> model = tp.models.ResNet9()
    >>> model(tp.ones(2, 3, 32, 32)).shape, sum(p.numel() for p in model.parameters())
    ((2, 10), 431946)
    """

    def __init__(self, num_classes: int = 10, in_channels: int = 3, width: int = 16) -> None:
        super().__init__()
        a, b, c, d = width, 2 * width, 4 * width, 8 * width
        self.features = nn.Sequential(
            ConvNorm(in_channels, a, kernel_size=7, stride=4),
            ConvNorm(a, b, stride=2),
            nn.Residual(nn.Sequential(ConvNorm(b, b), ConvNorm(b, b))),
            ConvNorm(b, c, stride=2),
            ConvNorm(c, d, stride=2),
            nn.Residual(nn.Sequential(ConvNorm(d, d), ConvNorm(d, d))),
        )
        self.classifier = nn.Sequential(nn.Linear(d, d), nn.ReLU(), nn.Linear(d, num_classes))

    def forward(self, input: Tensor) -> Tensor:
        return self.classifier(self.features(input).mean((2, 3)))
