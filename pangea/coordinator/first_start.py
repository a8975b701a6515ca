"""Who may log in when a coordinator starts: given codes, or a first one to print."""

from collections.abc import Sequence

from pangea.storage.database import Store
from pangea.web.enroll import first_account, read_codes, sync_accounts
from pangea.web.stored_accounts import StoredAccounts


async def open_accounts(
    store: Store, codes: Sequence[str]
) -> tuple[StoredAccounts, str | None]:
    """Return the accounts, and the code to print if one was made just now.

    *codes* of the configuration replace the ones given before. Raises ConfigError
    for codes that are too short or given twice.
    """
    accounts = StoredAccounts(store)
    given = read_codes("\n".join(codes))
    await sync_accounts(accounts, given)
    return accounts, await first_account(accounts)
