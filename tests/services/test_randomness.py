import re

from idp.services.randomness import Randomness, SystemRandomness


def test_a_token_has_256_bits_and_fits_in_a_url() -> None:
    randomness: Randomness = SystemRandomness()

    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", randomness.token())


def test_tokens_and_ids_do_not_repeat() -> None:
    randomness = SystemRandomness()

    assert len({randomness.token() for _ in range(1000)}) == 1000
    assert len({randomness.uuid() for _ in range(1000)}) == 1000


def test_an_id_is_a_random_uuid() -> None:
    assert SystemRandomness().uuid().version == 4


def test_a_reference_can_be_read_aloud() -> None:
    randomness = SystemRandomness()

    for _ in range(1000):
        assert re.fullmatch(
            r"[0-9ABCDEFGHJKMNPQRSTVWXYZ]{4}-[0-9ABCDEFGHJKMNPQRSTVWXYZ]{2}", randomness.reference()
        )
