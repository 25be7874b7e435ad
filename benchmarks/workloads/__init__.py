"""What is compared: the rows (``rows.py``), and for each peer a file that says how it does them."""

from .rows import ROWS, Row
from .step import MODULES, Step, peer_of

__all__ = ["MODULES", "ROWS", "Row", "Step", "peer_of"]
