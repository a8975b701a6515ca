import pytest

from pangea.core.errors import ConfigError
from pangea.web.codes import GIVEN, hash_code, make_code, read_code, salt_of
from pangea.web.enroll import Given, first_account, read_codes, sync_accounts
from tests.web.memory import MemoryAccounts


def test_codes_are_read_from_lines_and_commas():
    text = """# the night shift
ann:correct horse, bob:battery:staple
plain-code-1,plain-code-2
"""
    assert read_codes(text) == [
        Given("ann", "correct horse"),
        Given("bob", "battery:staple"),
        Given("admin", "plain-code-1"),
        Given("admin-2", "plain-code-2"),
    ]


def test_codes_are_read_from_a_file(tmp_path):
    file = tmp_path / "codes"
    file.write_text("ann:correct horse\n")
    assert read_codes(str(file)) == [Given("ann", "correct horse")]
    with pytest.raises(ConfigError, match="cannot be read") as error:
        read_codes(str(tmp_path / "missing"))
    assert "readable" in error.value.hint


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("ann:short7c", "7 characters"),
        ("ann:" + "x" * 129, "129 characters"),
        ("ann:correct horse,ann:other horse", "two codes"),
        ("ann:correct horse,bob:correct horse", "repeats"),
        ("ABCD-EFGH-JKMN-PQRS-TVWX,abcdefghjkmnpqrstvwx", "repeats"),
    ],
)
def test_bad_codes_are_refused_without_showing_them(text, words):
    with pytest.raises(ConfigError, match=words) as error:
        read_codes(text)
    assert "horse" not in f"{error.value} {error.value.hint}"


async def test_syncing_again_changes_nothing_and_a_new_code_ends_sessions():
    accounts = MemoryAccounts()
    await sync_accounts(accounts, read_codes("ann:correct horse,bob:battery staple"))
    before = dict(accounts.accounts)
    await sync_accounts(accounts, read_codes("ann:correct horse,bob:battery staple"))
    assert accounts.accounts == before
    await sync_accounts(accounts, read_codes("ann:another horse"))
    assert [a.name for a in accounts.accounts.values()] == ["ann"]
    assert accounts.accounts[1].code_hash != before[1].code_hash


async def test_chosen_codes_share_a_salt_and_one_prefix():
    accounts = MemoryAccounts()
    await sync_accounts(accounts, read_codes("ann:correct horse,bob:battery staple"))
    hashes = [a.code_hash for a in await accounts.by_prefix(GIVEN)]
    assert len(set(hashes)) == 2
    assert len({salt_of(h) for h in hashes}) == 1
    assert not any("horse" in h for h in hashes)


async def test_there_is_one_first_account_and_only_when_nobody_can_log_in():
    accounts = MemoryAccounts()
    code = await first_account(accounts)
    assert await first_account(accounts) is None
    (made,) = accounts.accounts.values()
    assert (made.role, made.prefix) == ("admin", read_code(code)[0])
    salt = salt_of(made.code_hash)
    assert hash_code(read_code(code)[1], salt) == made.code_hash
    await sync_accounts(accounts, [])
    assert list(accounts.accounts.values()) == [made]


async def test_chosen_codes_make_a_first_account_needless():
    accounts = MemoryAccounts()
    await sync_accounts(accounts, read_codes("correct horse"))
    assert await first_account(accounts) is None


def test_a_made_code_is_read_as_people_type():
    code = make_code()
    assert len(code.replace("-", "")) == 20
    typed = code.lower().replace("-", " ").replace("0", "o").replace("1", "l")
    assert read_code(typed) == read_code(code)
    assert make_code() != code
