"""Trainings."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from seqformer._config import config_pairs
from seqformer._load_engine import engine

_LOGGER = logging.getLogger("seqformer")


class Trainer:
    """A training run in this process, made by :meth:`from_config`.

    It writes what ``seqformer train`` writes: checkpoints, ``metrics.json``, events for TensorBoard and ``curves.svg``; lines
    for the console go to the logger ``seqformer``. Trainings on several GPUs need the command.

    Attributes
    ----------
    output_dir : pathlib.Path
        Where the files are (``OUTPUT_DIR``).
    iterations, max_iterations : int
        Completed iterations, and those of the whole training.
    """

    def __init__(self, run: Any) -> None:
        self._run = run

    @classmethod
    def from_config(
        cls,
        config: str | os.PathLike[str],
        *,
        device: str = "auto",
        resume: bool = False,
        threads: int | None = None,
        **overrides: Any,
    ) -> Trainer:
        """Read the configuration and the data, and build the network.

        Parameters
        ----------
        config : path
            A file of settings, such as ``configs/ytvis_2019/r50.yaml``.
        device : {'auto', 'cpu', 'cuda', 'cuda:1', ...}
            The device; 'auto' is that of the configuration, or else a GPU if there is one.
        resume : bool
            Go on from the newest checkpoint of the output folder.
        threads : int, optional
            Threads that compute; by default ``OMP_NUM_THREADS``, or one per core.
        **overrides
            Keys of the configuration with ``__`` for the dot: ``SOLVER__MAX_ITER=100``.

        Raises
        ------
        ConfigError, DataError, CheckpointError, OutputError, DeviceError
            If something cannot be used.
        """
        pairs = config_pairs(overrides)
        path = os.fspath(config)
        return cls(engine().Trainer(path, device=device, pairs=pairs, resume=resume, threads=threads))

    @property
    def output_dir(self) -> Path:
        return Path(self._run.output_dir)

    @property
    def iterations(self) -> int:
        return self._run.iterations

    @property
    def max_iterations(self) -> int:
        return self._run.max_iterations

    def train(self, callbacks: Iterable[Callable[[dict[str, float]], Any]] = ()) -> None:
        """Train to the end, and evaluate.

        Ctrl-C, or an exception of a callback, ends the training after the current step: a checkpoint is written, and
        :meth:`train` goes on from there, now or in another process with ``resume=True``.

        Parameters
        ----------
        callbacks : iterable of callables
            Each is called with every record of ``metrics.json``, every 20 iterations and after an evaluation: a dictionary
            with ``iteration``, ``total_loss``, ``lr``, ... A logger such as ``wandb.log`` can be given as it is.

        Raises
        ------
        SeqformerError
            If the training or an evaluation fails; checkpoints that are written stay.
        """
        callbacks = list(callbacks)

        def on_record(record: dict[str, float]) -> None:
            for callback in callbacks:
                callback(record)

        self._run.train(on_record, lambda line: _LOGGER.info("%s", line))

    def __repr__(self) -> str:
        return f"Trainer({str(self.output_dir)!r}, {self.iterations} of {self.max_iterations} iterations)"
