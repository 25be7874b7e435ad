"""Whole training steps, and inference, as a script writes them."""

import itertools

import numpy

import tiny_pytorch as tp

from .devices import synchronised


@synchronised
class Mlp:
    params = [["64-32-10, batch 32", "784-128-10, batch 32", "784-512-512-10, batch 128"]]
    param_names = ["network"]

    def setup(self, network):
        sizes, batch = network.split(", batch ")
        sizes, batch = [int(n) for n in sizes.split("-")], int(batch)
        rng = numpy.random.default_rng(0)
        layers = []
        for n_in, n_out in itertools.pairwise(sizes):
            layers += [tp.nn.Linear(n_in, n_out), tp.nn.ReLU()]
        self.model = tp.nn.Sequential(*layers[:-1])
        self.x = tp.from_numpy(rng.standard_normal((batch, sizes[0])).astype(numpy.float32))
        self.y = tp.from_numpy(rng.integers(0, sizes[-1], batch))
        self.loss = tp.nn.SoftmaxLoss()
        self.optimizer = tp.optim.Adam(self.model.parameters(), lr=1e-3)

    def time_training_step(self, network):
        loss = self.loss(self.model(self.x), self.y)
        loss.backward()
        self.optimizer.step()
        self.optimizer.reset_grad()

    def time_forward(self, network):
        self.loss(self.model(self.x), self.y)

    def time_inference(self, network):
        with tp.no_grad():
            self.model(self.x)

    def peakmem_training_step(self, network):
        for _ in range(20):
            self.time_training_step(network)


@synchronised
class Digits:
    def setup(self):
        self.loader = tp.data.DataLoader(tp.data.datasets.Digits(train=True), batch_size=32, shuffle=True)

    def time_epoch_of_batches(self):
        for _ in self.loader:
            pass
