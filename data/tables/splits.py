"""The parts of a data set by the names that files and folders have."""

import re

SPLITS = ("train", "validation", "test", "unsup")
SPLIT = "split"  # the column of a table that says which part a row belongs to
_NAMES = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
    "unsup": "unsup",
    "unsupervised": "unsup",
}
# a part, or a shard of it as on Hugging Face's hub: train.csv, train.jsonl.gz, train-00000-of-00002.parquet
_FILE = re.compile(r"([a-z]+)(-\d{5}-of-\d{5}(-[0-9a-f]+)?)?(\.[a-z]+){1,2}", re.IGNORECASE)


def split_named(folder: str) -> str:
    """The part that a folder of this name holds; "" where it is none."""
    return _NAMES.get(folder.lower(), "")


def split_of_file(path: str) -> tuple[str, bool]:
    """The part that a file holds by its own name, else by its folder's; and whether it is one file of several."""
    *folders, name = path.split("/")
    found = _FILE.fullmatch(name)
    split = split_named(found[1]) if found else ""
    return split or (split_named(folders[-1]) if folders else ""), bool(found and found[2])
