"""Each compiled kernel beside its reference twin, over sizes that fit L1, L2, L3 and none."""

from .devices import integers, normal, synchronised
from .twins import TWINS, table


@synchronised
class Elementwise:
    params = [TWINS, [1, 1_000, 30_000, 1_000_000, 30_000_000]]
    param_names = ["kernel", "elements"]

    def setup(self, twin, n):
        self.k = table(twin)
        self.x, self.y = normal(n), normal(n)

    def time_multiply(self, twin, n):
        self.k.multiply(self.x, self.y)

    def time_relu(self, twin, n):
        self.k.relu(self.x)

    def time_relu_grad(self, twin, n):
        self.k.relu_grad(self.y, self.x)


@synchronised
class Linear:
    params = [TWINS, [(32, 64, 32), (32, 784, 128), (128, 784, 512)]]
    param_names = ["kernel", "batch, in, out"]

    def setup(self, twin, sizes):
        batch, n_in, n_out = sizes
        self.k = table(twin)
        self.x, self.w, self.b, self.g = normal(batch, n_in), normal(n_out, n_in), normal(n_out), normal(batch, n_out)

    def time_forward(self, twin, sizes):
        self.k.linear(self.x, self.w, self.b)

    def time_gradient(self, twin, sizes):
        self.k.linear_grad(self.g, self.x, self.w, (True, True, True))


@synchronised
class Classifier:
    params = [TWINS, [(32, 10), (256, 1000)]]
    param_names = ["kernel", "batch, classes"]

    def setup(self, twin, shape):
        self.k = table(twin)
        self.x, self.g = normal(*shape), normal(*shape)
        self.target = integers(shape[1], shape[0])

    def time_cross_entropy(self, twin, shape):
        self.k.cross_entropy(self.x, self.target, "mean", -100)

    def time_softmax(self, twin, shape):
        self.k.softmax(self.x, 1)

    def time_log_softmax(self, twin, shape):
        self.k.log_softmax(self.x, 1)


@synchronised
class Norm:
    params = [TWINS, [(32, 64), (512, 1024)]]
    param_names = ["kernel", "rows, features"]

    def setup(self, twin, shape):
        self.k = table(twin)
        self.x, self.g = normal(*shape), normal(*shape)
        self.w, self.b = normal(shape[1]), normal(shape[1])
        _, self.mean, self.rstd = self.k.layer_norm(self.x, self.w, self.b, 1, 1e-5)

    def time_layer_norm(self, twin, shape):
        self.k.layer_norm(self.x, self.w, self.b, 1, 1e-5)

    def time_layer_norm_grad(self, twin, shape):
        self.k.layer_norm_grad(self.g, self.x, self.w, self.mean, self.rstd, 1, (True, True, True))

    def time_batch_norm(self, twin, shape):
        self.k.batch_norm(self.x, self.w, self.b, 1e-5)


@synchronised
class Scatter:
    params = [TWINS, [(1000, 64, 500)]]
    param_names = ["kernel", "rows, width, indices"]

    def setup(self, twin, sizes):
        rows, width, count = sizes
        self.k = table(twin)
        self.x, self.source = normal(rows, width), normal(count, width)
        self.index = integers(rows, count)

    def time_scatter_add(self, twin, sizes):
        self.k.scatter_add(self.x, self.index, self.source)
