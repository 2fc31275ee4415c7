"""Trained models: a folder with a cell's text, weights, a torch module and a card, and the module of torch that it holds.

`TrainedModel` is what people use; `write_folder` and `read_folder` write it whole and believe nothing that they read.
"""

from archsearch.models.config import Config, Draw, Ends
from archsearch.models.ends import ends_of
from archsearch.models.exported import model_for_export
from archsearch.models.folder import ModelFiles, check_free, read_folder, write_folder
from archsearch.models.trained import TrainedModel

__all__ = [
    "Config",
    "Draw",
    "Ends",
    "ModelFiles",
    "TrainedModel",
    "check_free",
    "ends_of",
    "model_for_export",
    "read_folder",
    "write_folder",
]
