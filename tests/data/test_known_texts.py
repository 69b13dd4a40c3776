"""Laws of the digests by which a run knows its texts again."""

from pathlib import Path

import numpy as np

from data.known_texts import KnownTexts, digests
from data.types import Dataset


def test_a_run_knows_the_texts_of_its_parts_again_and_no_others(demo_data: Dataset, tmp_path: Path) -> None:
    KnownTexts.of(demo_data).write(tmp_path / "known.npz")
    known = KnownTexts.read(tmp_path / "known.npz")
    for part, there in ((demo_data.train, known.learned), (demo_data.validation, known.learned), (demo_data.test, known.tested)):
        assert np.isin(digests(part.sequences[number] for number in range(len(part))), there).all()
    review = demo_data.train.sequences[0]
    assert not np.isin(digests([review[:-1], review[::-1], np.zeros(0, np.int32)]), known.learned).any()
    assert len(np.unique(digests([review, review, review[1:]]))) == 2
