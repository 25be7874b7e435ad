"""What ``import tiny_pytorch`` costs in a new interpreter: alone, and on top of NumPy."""


class Import:
    def timeraw_numpy(self):
        return "import numpy"

    def timeraw_tiny_pytorch(self):
        return "import tiny_pytorch"

    def timeraw_on_top_of_numpy(self):
        return "import tiny_pytorch", "import numpy"
