from idp.services.digest import digest

# FIPS 180-4, the example "abc".
ABC = bytes.fromhex("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")


def test_it_is_sha_256() -> None:
    assert digest("abc") == ABC


def test_text_that_is_not_unicode_has_a_digest_of_its_own() -> None:
    assert len(digest("\ud800")) == 32
    assert digest("\ud800") != digest("?")
