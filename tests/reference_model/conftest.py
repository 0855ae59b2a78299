"""Files that the tests cannot download."""

import hashlib
import pickle

import numpy as np
import pytest


@pytest.fixture
def cifar10_files(tmp_path, monkeypatch):
    """A folder with files of CIFAR-10's layout and random pictures, read and checked by torchvision's own loader."""
    datasets = pytest.importorskip("torchvision.datasets")
    folder = tmp_path / datasets.CIFAR10.base_folder
    folder.mkdir()
    random = np.random.default_rng(0)

    def written(name, content):
        data = pickle.dumps(content)
        (folder / name).write_bytes(data)
        return hashlib.md5(data).hexdigest()

    for part, files in (("train_list", datasets.CIFAR10.train_list), ("test_list", datasets.CIFAR10.test_list)):
        batch = {"data": random.integers(0, 256, (20, 3072), dtype=np.uint8), "labels": [0] * 20}
        monkeypatch.setattr(datasets.CIFAR10, part, [[name, written(name, batch)] for name, _ in files])
    meta = dict(datasets.CIFAR10.meta)
    meta["md5"] = written(meta["filename"], {meta["key"]: ["cat"]})
    monkeypatch.setattr(datasets.CIFAR10, "meta", meta)
    return tmp_path
