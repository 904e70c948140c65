"""Files of moments."""

from __future__ import annotations

import numpy as np
import pytest

from degcraft.errors import UserError
from degcraft.moments import Moments
from degcraft.moments_file import GROUPS, read_folds, read_moments, write_moments
from degcraft.storage import creating_h5


@pytest.mark.parametrize("count", [0, 3])
def test_what_was_written_is_read(count, tmp_path):
    rng = np.random.default_rng(0)
    sets = {group: [Moments.of(rng.normal(size=(5, 2))) for _ in range(count)] for group in GROUPS}
    with creating_h5(tmp_path / "a.h5") as file:
        for group, moments in sets.items():
            write_moments(file.require_group(group), moments, 2)
    found = dict(zip(GROUPS, [read_moments(tmp_path / "a.h5"), *read_folds(tmp_path / "a.h5")], strict=True))
    for group, moments in sets.items():
        assert [one.count for one in found[group]] == [5] * count
        for ours, theirs in zip(found[group], moments, strict=True):
            np.testing.assert_array_equal(ours.mean, theirs.mean)
            np.testing.assert_array_equal(ours.second, theirs.second)


def test_a_file_without_folds_says_so(tmp_path):
    with creating_h5(tmp_path / "a.h5") as file:
        write_moments(file, [], 2)
    with pytest.raises(UserError, match=r"a\.h5: has no dataset 'fold0/count'; delete it and run again"):
        read_folds(tmp_path / "a.h5")
