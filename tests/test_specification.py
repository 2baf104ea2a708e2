import pytest

from riskops import config, specification
from riskops.features import FEATURES


def test_the_specification_names_every_feature():
    assert all(feature.name in specification.text() for feature in FEATURES)


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("LOGISTIC_C", 0.03),
        ("RIDGE_PENALTY_PER_ROW", 0.2),
        ("OVERLAY_SHARE_CAP", 0.4),
        ("OVERLAY_STANDARD_ERRORS", 0.5),
        ("EMBARGO_SESSIONS", 6),
        ("TARGET_CLIP", 5.0),
        ("TILT_WINDOW_DAYS", 10),
        ("DESK_SIZE_SESSIONS", 60),
    ],
)
def test_another_parameter_is_another_specification(monkeypatch, parameter, value):
    registered = specification.digest()
    monkeypatch.setattr(config, parameter, value)
    assert specification.digest() != registered


def test_the_hash_is_a_sha_256_and_repeats():
    assert len(specification.digest()) == 64
    assert specification.digest() == specification.digest()
